import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { serve } from './control.ts';
import { listen } from './listen.ts';
import { nextSeq, toMessage } from './messages.ts';
import type { SendMessage } from './messages.ts';

// The old design: a WebSocket for each thread of each client, and each message is made into JSON for each of them.
const threads = new Map<string, Set<WebSocket>>();
const http = createServer();
const wss = new WebSocketServer({ server: http, perMessageDeflate: false });
let users = 0;

wss.on('connection', (ws, request) => {
  const threadId = /^\/api\/threads\/([^/]+)\/ws$/.exec(request.url ?? '')?.[1];
  if (threadId === undefined) {
    ws.close(1008);
    return;
  }
  users += 1;
  const user = `user-${users}`;
  const sockets = threads.get(threadId) ?? new Set();
  threads.set(threadId, sockets.add(ws));
  ws.on('message', (data: Buffer) => {
    const [, number, sent] = JSON.parse(data.toString()) as ['send_message', number, Omit<SendMessage, 'thread_id'>];
    const message = toMessage({ ...sent, thread_id: threadId }, user, nextSeq(threadId));
    for (const socket of sockets) socket.send(JSON.stringify(['thread_message', message]));
    ws.send(`["ack",${number}]`);
  });
  ws.on('close', () => sockets.delete(ws));
});

serve(await listen(http));
