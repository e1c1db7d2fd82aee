import { z } from 'zod';
import { flowOf } from '../../connection/flow.ts';
import { TokenBucket } from '../../connection/token-bucket.ts';
import { parse } from '../../connection/parse.ts';
import { RequestError, toRequestError } from '../../request-error.ts';
import type { Logger } from '../../logger.ts';
import type { OperatorSocket } from '../admin-namespace.ts';
import type { Audit } from '../audit.ts';
import { consoleActions, consoleRequests } from './console-protocol.ts';
import type {
  ConsoleAction,
  ConsoleAnswer,
  ConsoleAnswers,
  ConsolePayload,
  ConsoleRequest,
} from './console-protocol.ts';

/** Answers each request, or throws a RequestError. */
export type ConsoleHandlers = {
  readonly [R in ConsoleRequest]: (
    payload: ConsolePayload<R>,
    context: ConsoleContext,
  ) => ConsoleAnswers[R] | Promise<ConsoleAnswers[R]>;
};

/** One connection of an operator. */
export interface Visit {
  readonly operator: string;
  /** The views in which the operator has asked to see the text, with the thread of each. */
  readonly openViews: Map<string, string>;
}

/** What a request is carried out with. */
export interface ConsoleContext extends Visit {
  /** Says of an action, for the log, what its payload does not tell: whose stream it was, how many there were. */
  readonly note: (text: string) => void;
}

export interface ConsolePorts {
  readonly handlers: ConsoleHandlers;
  readonly audit: Audit;
  /** Whether the operator's session still holds. */
  readonly mayAct: (socket: OperatorSocket) => boolean;
  readonly logger: Logger;
  /** (ms) */
  readonly now: () => number;
}

/** A page asks some views a second; whoever asks for more has to wait. */
const requestsPerSecond = 20;
const requestBurst = 100;

const requestName = z.enum(Object.keys(consoleRequests) as [ConsoleRequest, ...ConsoleRequest[]]);

/** Answers what the operators' console asks, and notes what it does. */
export class Console {
  readonly #ports: ConsolePorts;

  constructor(ports: ConsolePorts) {
    this.#ports = ports;
  }

  /** Answers an operator who has connected. */
  attend(socket: OperatorSocket): void {
    const bucket = new TokenBucket(requestsPerSecond, requestBurst, this.#ports.now());
    const visit: Visit = { operator: socket.data.session.username, openViews: new Map() };
    const flow = flowOf(socket.conn);
    socket.on('console', (...args: readonly unknown[]) => {
      const ack = args.at(-1);
      if (typeof ack !== 'function') return;
      void this.#answer(socket, visit, bucket, args.slice(0, -1)).then((answer) =>
        // However large it is, whoever asked for it is no slow consumer.
        flow.answer(() => (ack as (answer: ConsoleAnswer) => void)(answer)),
      );
    });
  }

  async #answer(
    socket: OperatorSocket,
    visit: Visit,
    bucket: TokenBucket,
    args: readonly unknown[],
  ): Promise<ConsoleAnswer> {
    const { mayAct, now, logger } = this.#ports;
    try {
      const waitMs = bucket.take(1, now());
      if (waitMs > 0) throw new RequestError('rate_limited', 'Too many requests.', { retry_after_ms: waitMs });
      await flowOf(socket.conn).delivered();
      if (!mayAct(socket)) throw new RequestError('unauthenticated', 'Log in again.');
      const name = requestName.safeParse(args[0]);
      if (!name.success || args.length > 2) throw new RequestError('unknown_event', 'There is no such request.');
      return { ok: true, data: await this.#carryOut(socket, visit, name.data, args[1] ?? {}) };
    } catch (thrown) {
      const error = toRequestError(thrown);
      if (error.code === 'internal')
        logger.error({ err: thrown, socket_id: socket.id }, 'a request of the console failed');
      return { ok: false, error: { code: error.code, message: error.message } };
    }
  }

  async #carryOut<R extends ConsoleRequest>(
    socket: OperatorSocket,
    visit: Visit,
    name: R,
    given: unknown,
  ): Promise<ConsoleAnswers[R]> {
    const { handlers, audit } = this.#ports;
    const payload = parse(consoleRequests[name] as unknown as z.ZodType<ConsolePayload<R>>, given, 'The payload');
    let noted = '';
    const context: ConsoleContext = { ...visit, note: (text) => (noted = text) };
    if (!isAction(name)) return await handlers[name](payload, context);
    // From where it is done: a cookie that was taken away acts from elsewhere than where its login was.
    const { address } = socket.handshake;
    const entry = { operator: visit.operator, address, action: name, target: targetOf(payload) };
    try {
      const data = await handlers[name](payload, context);
      const detail = [noted, writtenWith(payload)].filter((text) => text !== '').join(': ');
      audit.record({ ...entry, outcome: 'ok', detail });
      // Who is told that it was done may rely on its being noted, or on the store's being away.
      await audit.flush();
      return data;
    } catch (thrown) {
      const { code } = toRequestError(thrown);
      audit.record({ ...entry, outcome: code === 'internal' ? 'failed' : 'refused', detail: code });
      throw thrown;
    }
  }
}

function isAction(name: ConsoleRequest): name is ConsoleAction {
  return (consoleActions as readonly string[]).includes(name);
}

/** What an action is done to. */
function targetOf(payload: object): string {
  return firstOf(payload, ['stream_id', 'client_id', 'user_id', 'thread_id', 'status']);
}

/** What the operator wrote along with it. */
function writtenWith(payload: object): string {
  return firstOf(payload, ['reason', 'message']);
}

function firstOf(payload: object, names: readonly string[]): string {
  const fields = payload as Record<string, unknown>;
  const text = names.map((name) => fields[name]).find((value) => typeof value === 'string');
  return text ?? '';
}
