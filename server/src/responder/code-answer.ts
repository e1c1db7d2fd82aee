/** How to talk to this thread from a program, in Markdown. An id holds no character that would have to be escaped. */
export function codeAnswer(threadId: string): string {
  return `Here is how a program joins this thread, \`${threadId}\`.

## TypeScript

\`@threadwire/client\` holds one connection for every thread, in browsers and in Node:

\`\`\`ts
import { ThreadwireClient } from '@threadwire/client';

const client = new ThreadwireClient({ url: 'http://127.0.0.1:3000', user: 'ann' });
const thread = client.thread('${threadId}');

thread.onChange(() => {
  const { status, messages } = thread.getSnapshot();
  const last = messages.at(-1);
  // While a reply is streaming this is called as its text grows.
  if (status === 'live' && last) console.log(\`\${last.sender.id} (\${last.status}): \${last.content}\`);
});

const subscription = thread.subscribe();
await subscription.ready;
await thread.send('Hello from a program');
\`\`\`

## React

The same thread in a component. It renders again when something changes, and leaves the thread when it is gone:

\`\`\`tsx
import { useThread } from '@threadwire/client/react';

export function Conversation() {
  const { thread, snapshot } = useThread('${threadId}');
  return (
    <>
      <ol>
        {snapshot.messages.map((message) => (
          <li key={message.id}>{message.content}</li>
        ))}
      </ol>
      <button onClick={() => void thread.send('Hello')}>Say hello</button>
    </>
  );
}
\`\`\`

## Shell

Without any library, over HTTP. The \`message_id\` makes a repeat harmless: the second request stores nothing.

\`\`\`sh
curl -X POST http://127.0.0.1:3000/api/threads/${threadId}/messages \\
  -H 'Content-Type: application/json' -H 'X-Threadwire-User: ann' \\
  -d '{ "content": "Hello from a shell", "message_id": "hello-1" }'
\`\`\`

A stream is a request whose body takes its time. What is written into it appears in every window at once:

\`\`\`sh
(for word in one two three; do printf '%s ' "$word"; sleep 1; done) |
  curl -X POST -T - 'http://127.0.0.1:3000/api/threads/${threadId}/stream?message_id=count-1' \\
    -H 'Content-Type: text/plain; charset=utf-8' -H 'X-Threadwire-User: counter'
\`\`\`

## Python

Any Socket.IO client will do:

\`\`\`python
import socketio

sio = socketio.Client()

@sio.on("thread_message")
def on_message(message):
    print(message["sender"]["id"], message["content"])

sio.connect(
    "http://127.0.0.1:3000",
    socketio_path="/api/ws",
    transports=["websocket"],
    auth={"user": "ann"},
)
print(sio.call("subscribe_thread", {"thread_id": "${threadId}"}))
sio.wait()
\`\`\`
`;
}
