import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import type { Message } from '@threadwire/protocol';
import { listen } from './listen.ts';
import type { SendMessage } from './messages.ts';

interface ClientToServer {
  subscribe_threads(
    payload: { readonly threads: readonly { readonly thread_id: string }[] },
    ack: (answer: { readonly ok: true }) => void,
  ): void;
  send_message(payload: SendMessage, ack: (answer: SendAnswer) => void): void;
  stream_start(payload: { readonly thread_id: string }, ack: (answer: StartAnswer) => void): void;
  stream_chunk(payload: StreamChunk): void;
}

interface StreamChunk {
  readonly stream_id: string;
  readonly offset: number;
  readonly delta: string;
}

interface StartAnswer {
  readonly ok: true;
  readonly data: { readonly message: { readonly id: string } };
}

/** The same answer as Threadwire's. */
interface SendAnswer {
  readonly ok: true;
  readonly data: { readonly message: Message; readonly duplicate: false };
  readonly message_id: string;
}

interface ServerToClient {
  thread_message(message: Message): void;
  stream_chunk(chunk: StreamChunk & { readonly thread_id: string }): void;
}

/** Makes a message of what a client sent; what it does before it resolves comes before the message is announced. */
type Accept = (sent: SendMessage, senderId: string) => Message | Promise<Message>;

/** Plain Socket.IO with rooms and acks, as its documentation shows it; returns the port. */
export async function startSocketIoApp(accept: Accept): Promise<number> {
  const http = createServer();
  const io = new Server<ClientToServer, ServerToClient>(http, {
    path: '/api/ws',
    transports: ['websocket'],
    serveClient: false,
  });
  io.on('connection', (socket) => {
    const { user } = socket.handshake.auth as { user: string };
    socket.on('subscribe_threads', ({ threads }, ack) => {
      void socket.join(threads.map(({ thread_id }) => thread_id));
      ack({ ok: true });
    });
    const threadOf = new Map<string, string>();
    socket.on('stream_start', ({ thread_id }, ack) => {
      const id = randomUUID();
      threadOf.set(id, thread_id);
      ack({ ok: true, data: { message: { id } } });
    });
    socket.on('stream_chunk', ({ stream_id, offset, delta }) => {
      const thread_id = threadOf.get(stream_id)!;
      io.to(thread_id).emit('stream_chunk', { thread_id, stream_id, offset, delta });
    });
    const announce = (message: Message, ack: (answer: SendAnswer) => void): void => {
      io.to(message.thread_id).emit('thread_message', message);
      ack({ ok: true, data: { message, duplicate: false }, message_id: message.message_id });
    };
    socket.on('send_message', (sent, ack) => {
      const message = accept(sent, user);
      if ('then' in message) void message.then((stored) => announce(stored, ack));
      else announce(message, ack);
    });
  });
  return listen(http);
}
