import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { serve } from './control.ts';
import { listen } from './listen.ts';
import { nextSeq, toMessage } from './messages.ts';
import type { SendMessage } from './messages.ts';
import { serverFrame } from './server-frame.ts';

// Nothing but sockets and a map of rooms: each message is framed once, and written to each socket.
const rooms = new Map<string, Set<Duplex>>();
const wss = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const http = createServer();
let users = 0;

http.on('upgrade', (request, socket, head) => {
  wss.handleUpgrade(request, socket, head, (ws) => {
    users += 1;
    const user = `user-${users}`;
    const mine = new Set<Set<Duplex>>();
    ws.on('message', (data: Buffer) => {
      const [event, number, payload] = JSON.parse(data.toString()) as Request;
      if (event === 'subscribe') for (const id of payload) mine.add(join(id, socket));
      else publish(payload, user);
      ws.send(`["ack",${number}]`);
    });
    ws.on('close', () => mine.forEach((room) => room.delete(socket)));
  });
});

type Request = ['subscribe', number, readonly string[]] | ['send_message', number, SendMessage];

function join(threadId: string, socket: Duplex): Set<Duplex> {
  const room = rooms.get(threadId) ?? new Set();
  rooms.set(threadId, room);
  return room.add(socket);
}

function publish(sent: SendMessage, user: string): void {
  const message = toMessage(sent, user, nextSeq(sent.thread_id));
  const frame = serverFrame(JSON.stringify(['thread_message', message]));
  for (const socket of rooms.get(sent.thread_id) ?? []) socket.write(frame);
}

serve(await listen(http));
