// npm run build && node examples/node/echo-bot.mjs http://127.0.0.1:3000
import { ThreadwireClient } from '@threadwire/client';

const [, , url = 'http://127.0.0.1:3000'] = process.argv;
const client = new ThreadwireClient({ url, user: 'echo-bot', token: process.env.TOKEN });
const followed = new Set();
const answers = new Set();
const report = (error) => console.error(`${error.code}: ${error.message}`);

function follow() {
  const { threads, hasMore } = client.threadList.getSnapshot();
  for (const { id } of threads) if (!followed.has(id)) client.thread(id).subscribe().ready.catch(report);
  for (const { id } of threads) followed.add(id);
  if (hasMore) client.threadList.loadMore().catch(report);
}

function answer({ id, thread_id: threadId, role, status, content }) {
  if (role !== 'user' || status !== 'complete') return;
  // The question's id is the answer's key: however often it is answered, the answer is stored once.
  const sent = client.thread(threadId).send(`You said: ${content}`, { role: 'assistant', messageId: id });
  answers.add(sent);
  void sent.catch(report).finally(() => answers.delete(sent));
}

client.onStatus(() => {
  const { state, error } = client.getStatus();
  console.log(error ? `${state}: ${error.message}` : state);
  if (state === 'closed' && error) process.exitCode = 1;
});
client.on('thread_message', answer);
// What was there before the bot came is no news: it is in each thread's first page, the answers to it too.
client.on('thread_history', ({ recovered, messages }) => {
  const isAnswered = new Set(messages.map(({ message_id: key }) => key));
  if (!recovered) for (const message of messages) if (!isAnswered.has(message.id)) answer(message);
});
client.threadList.onChange(follow);
client.watchThreads();
process.once('SIGINT', () => void Promise.allSettled(answers).then(() => client.close()));
