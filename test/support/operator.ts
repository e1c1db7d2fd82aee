import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';
import type {
  ConsoleAnswer,
  ConsoleAnswers,
  ConsolePayload,
  ConsoleRequest,
} from '../../server/src/admin/console/console-protocol.ts';
import type { ServerProcess } from './process.ts';

/** What serves, here or in a process of its own. */
type Served = Pick<ServerProcess, 'url'>;

/** The account of operators in tests. */
export const operator = { username: 'admin', secret: { password: 'correct horse' } };

/** Posts a form as a browser does, and follows nowhere. */
export async function postForm(
  app: Served,
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await fetch(`${app.url}${path}`, {
    method: 'POST',
    body: new URLSearchParams(fields),
    redirect: 'manual',
    headers: { Accept: 'text/html', ...headers },
  });
}

/** Logs in, and gives the cookie as a browser sends it. */
export async function logIn(app: Served, password = operator.secret.password): Promise<string> {
  const response = await postForm(app, '/admin/login', { username: operator.username, password });
  if (response.status !== 303) throw new Error(`the login was answered ${response.status}`);
  return cookieOf(response);
}

export function cookieOf(response: Response): string {
  return response.headers.get('Set-Cookie')!.split(';', 1)[0]!;
}

/** Connects to a namespace by these headers; `outcome`: `connected`, or the code with which it was refused. */
export async function connectNamespace(
  app: Served,
  namespace: string,
  headers: Record<string, string>,
  auth: Record<string, unknown> = {},
): Promise<{ readonly outcome: string; readonly socket: Socket }> {
  const socket = io(`${app.url}${namespace}`, {
    path: '/api/ws',
    transports: ['websocket'],
    extraHeaders: headers,
    auth,
    reconnection: false,
    forceNew: true,
  });
  const outcome = await new Promise<string>((resolve) => {
    socket.once('connect', () => resolve('connected'));
    socket.once('connect_error', (error) =>
      resolve((error as { data?: { code: string } }).data?.code ?? error.message),
    );
  });
  return { outcome, socket };
}

/** An operator's console, connected. */
export interface OperatorConsole extends Disposable {
  readonly socket: Socket;
  /** Asks, and gives what was answered, whatever it is. */
  ask<R extends ConsoleRequest>(request: R, payload?: unknown): Promise<ConsoleAnswer<R>>;
  /** Asks for what must not be refused. */
  get<R extends ConsoleRequest>(request: R, payload?: Partial<ConsolePayload<R>>): Promise<ConsoleAnswers[R]>;
}

/** Logs in and connects. */
export async function openConsole(app: Served): Promise<OperatorConsole> {
  const { outcome, socket } = await connectNamespace(app, '/admin', { Cookie: await logIn(app) }, { page: 'console' });
  if (outcome !== 'connected') throw new Error(`the operator was refused: ${outcome}`);
  const ask = async <R extends ConsoleRequest>(request: R, payload: unknown = {}): Promise<ConsoleAnswer<R>> =>
    (await socket.timeout(5000).emitWithAck('console', request, payload)) as ConsoleAnswer<R>;
  return {
    socket,
    ask,
    get: async (request, payload) => {
      const answer = await ask(request, payload);
      if (!answer.ok) throw new Error(`${request}: ${JSON.stringify(answer.error)}`);
      return answer.data;
    },
    [Symbol.dispose]: () => socket.disconnect(),
  };
}
