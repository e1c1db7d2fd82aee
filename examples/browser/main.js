// npm run build && npx vite build examples/browser && node server/dist/main.js --page examples/browser/dist
import { ThreadwireClient } from '@threadwire/client';

// http://127.0.0.1:3000/?thread=hello&user=ann
const query = new URLSearchParams(location.search);
const client = new ThreadwireClient({ user: query.get('user') ?? 'guest' });
const thread = client.thread(query.get('thread') ?? 'hello');
const element = (id) => document.querySelector(`#${id}`);
const isShown = () => undefined; // What failed is in the snapshot.

function line(text, retry) {
  const item = document.createElement('li');
  item.textContent = text;
  if (retry)
    item.append(' ', Object.assign(document.createElement('button'), { textContent: 'Retry', onclick: retry }));
  return item;
}

function show() {
  const { status, error, messages, pending } = thread.getSnapshot();
  const resend = (messageId) => () => thread.resend(messageId).catch(isShown);
  element('status').textContent = error?.message ?? status;
  element('messages').replaceChildren(
    ...messages.map(({ sender, content }) => line(`${sender.id}: ${content}`)),
    ...pending.map((message) =>
      line(`${message.content} (${message.status})`, message.error && resend(message.messageId)),
    ),
  );
}

element('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  thread.send(element('content').value).catch(isShown);
  element('composer').reset();
});
thread.onChange(show);
// Whoever comes first makes the thread; for all others it is there.
await client.createThread({ id: thread.id }).catch(isShown);
thread.subscribe();
