import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';
import { threadId } from '../servers/thread-id.ts';

/** What the console's page asks while it shows a thread, and how often (ms). */
const polls: readonly (readonly [request: string, payload: object, everyMs: number])[] = [
  ['overview', {}, 5000],
  ['thread', { thread_id: threadId(0) }, 2000],
  ['tail', { thread_id: threadId(0) }, 1000],
  ['connections', {}, 2000],
  ['threads', {}, 2000],
];

/** An operator's browser with both pages open: the console, and the official UI of Socket.IO. */
export class OperatorPages implements AsyncDisposable {
  readonly #sockets: readonly Socket[];
  readonly #timers: readonly NodeJS.Timeout[];
  #answers = 0;
  #events = 0;

  private constructor(console: Socket, inspector: Socket) {
    this.#sockets = [console, inspector];
    inspector.onAny(() => (this.#events += 1));
    this.#timers = polls.map(([request, payload, everyMs]) =>
      setInterval(() => console.emit('console', request, payload, () => (this.#answers += 1)), everyMs),
    );
  }

  /** Logs in and connects. */
  static async open(port: number, password: string): Promise<OperatorPages> {
    const url = `http://127.0.0.1:${port}`;
    const response = await fetch(`${url}/admin/login`, {
      method: 'POST',
      body: new URLSearchParams({ username: 'admin', password }),
      redirect: 'manual',
    });
    const [cookie] = response.headers.get('Set-Cookie')?.split(';') ?? [];
    if (cookie === undefined) throw new Error(`the operator's login was answered ${response.status}`);
    const connect = async (auth: object): Promise<Socket> => {
      const socket = io(`${url}/admin`, {
        path: '/api/ws',
        transports: ['websocket'],
        forceNew: true,
        extraHeaders: { Cookie: cookie },
        auth,
      });
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('connect_error', reject);
      });
      return socket;
    };
    return new OperatorPages(await connect({ page: 'console' }), await connect({}));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#sockets) socket.disconnect();
    if (this.#answers === 0) throw new Error('the console was answered nothing');
    if (this.#events === 0) throw new Error('the official page got nothing');
  }
}
