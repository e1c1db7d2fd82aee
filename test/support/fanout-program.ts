import fc from 'fast-check';

// Programs of what a Socket.IO application does with its clients; fanout-run.ts runs them.

export const rooms = ['a', 'b', 'c'] as const;
export type Room = (typeof rooms)[number];

/** How a client connects; `upgrade` is polling until the program says so. */
export type Way = 'websocket' | 'polling' | 'upgrade';

/** A client's socket in the first or second namespace; a client that there is not is another one's number. */
export interface SocketRef {
  readonly client: number;
  readonly second: boolean;
}

/** What is sent: text of so many such units, and maybe bytes. */
export interface Content {
  readonly unit: string;
  readonly length: number;
  readonly bytes?: number | undefined;
}

/** Of the sockets of a namespace, those in some of these rooms; all, where there are no rooms. */
export interface Selection {
  readonly second: boolean;
  readonly to: readonly Room[];
  readonly except: readonly Room[];
}

interface Sent {
  readonly content: Content;
  readonly volatile: boolean;
}

export type Command =
  | { readonly do: 'join'; readonly socket: SocketRef; readonly rooms: readonly Room[] }
  | { readonly do: 'leave'; readonly socket: SocketRef; readonly room: Room }
  | { readonly do: 'leave all'; readonly socket: SocketRef }
  | ({ readonly do: 'broadcast' } & Selection & Sent)
  | { readonly do: 'broadcast with ack'; readonly second: boolean; readonly to: Room; readonly content: Content }
  | {
      readonly do: 'broadcast of a socket';
      readonly socket: SocketRef;
      readonly to: readonly Room[];
      readonly content: Content;
    }
  | ({ readonly do: 'emit'; readonly socket: SocketRef } & Sent)
  | { readonly do: 'ask'; readonly socket: SocketRef }
  | { readonly do: 'answer'; readonly content: Content }
  | { readonly do: 'disconnect'; readonly socket: SocketRef; readonly close: boolean }
  | { readonly do: 'close'; readonly client: number }
  | ({ readonly do: 'disconnect sockets'; readonly close: boolean } & Selection)
  | ({ readonly do: 'sockets join'; readonly room: Room } & Selection)
  | ({ readonly do: 'sockets leave'; readonly room: Room } & Selection)
  | ({ readonly do: 'fetch sockets' } & Selection)
  | { readonly do: 'upgrade'; readonly client: number }
  | { readonly do: 'yield'; readonly until: 'promise' | 'tick' | 'immediate' | 'io' };

export interface Program {
  readonly ways: readonly Way[];
  readonly perMessageDeflate: boolean;
  readonly commands: readonly Command[];
}

const mostClients = 5;
const client = fc.nat({ max: mostClients - 1 });
const seldom = fc.nat({ max: 4 }).map((n) => n === 4);
const socket = fc.record({ client, second: seldom });
// Mostly one that has many members, so that much comes together in a turn.
const room = fc.constantFrom<Room[]>('a', 'a', 'b', 'b', 'c');
const unit = fc.constantFrom('x', 'é', '€', '😀', '\u2028', '\0', '\ud800');
const content: fc.Arbitrary<Content> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ unit, length: fc.nat({ max: 8 }) }) },
  // Around where the headers of frames grow, and what the system does not take in one piece.
  { weight: 1, arbitrary: fc.record({ unit, length: fc.constantFrom(90, 110, 125, 126, 40_000, 65_536, 150_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ unit, length: fc.nat({ max: 2 }), bytes: fc.constantFrom(0, 1, 125, 126, 65_535, 65_536) }),
  },
);
const selection = {
  second: seldom,
  to: fc.oneof({ weight: 6, arbitrary: room.map((name) => [name]) }, { weight: 1, arbitrary: fc.subarray([...rooms]) }),
  except: fc.oneof({ weight: 6, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.subarray([...rooms]) }),
};

type Name = Command['do'];
type FieldsOf<N extends Name> = Omit<Extract<Command, { readonly do: N }>, 'do'>;
type Arbitraries<T> = { readonly [K in keyof T]: fc.Arbitrary<T[K]> };

function command<N extends Name>(weight: number, name: N, fields: Arbitraries<FieldsOf<N>>) {
  const arbitrary = fc.record(fields as Arbitraries<object>).map((given) => ({ do: name, ...given }) as Command);
  return { weight, arbitrary };
}

function anyCommand(volatile: fc.Arbitrary<boolean>): fc.Arbitrary<Command> {
  const close = fc.boolean();
  return fc.oneof(
    command(12, 'broadcast', { ...selection, content, volatile }),
    command(5, 'emit', { socket, content, volatile }),
    command(3, 'join', { socket, rooms: fc.subarray([...rooms], { minLength: 1 }) }),
    command(3, 'leave', { socket, room }),
    command(1, 'leave all', { socket }),
    command(2, 'broadcast of a socket', { socket, to: fc.subarray([...rooms]), content }),
    command(2, 'broadcast with ack', { second: seldom, to: room, content }),
    command(2, 'ask', { socket }),
    command(3, 'answer', { content }),
    command(1, 'disconnect', { socket, close }),
    command(1, 'close', { client }),
    command(1, 'disconnect sockets', { ...selection, close }),
    command(1, 'sockets join', { ...selection, room }),
    command(1, 'sockets leave', { ...selection, room }),
    command(1, 'fetch sockets', selection),
    command(2, 'upgrade', { client }),
    command(6, 'yield', { until: fc.constantFrom('promise', 'tick', 'immediate', 'io') }),
  );
}

/** All are in one room, and most in another: what few get is not gathered. */
const firstJoins = [false, true].flatMap((second) =>
  Array.from({ length: mostClients }, (_, client): Command => {
    return { do: 'join', socket: { client, second }, rooms: client < 3 ? ['a', 'b'] : ['a'] };
  }),
);

export interface ProgramOptions {
  readonly ways?: readonly Way[];
  /** Whether there are volatile events. */
  readonly volatile?: boolean;
}

/** Rooms that clients have joined, and then whatever a server may do with them. */
export function anyProgram(options: ProgramOptions = {}): fc.Arbitrary<Program> {
  const { ways = ['websocket', 'polling', 'upgrade'], volatile = false } = options;
  const any = anyCommand(volatile ? fc.boolean() : fc.constant(false));
  return fc.record({
    ways: fc.array(fc.constantFrom(...ways), { minLength: 3, maxLength: mostClients }),
    perMessageDeflate: seldom,
    commands: fc.array(any, { minLength: 5, maxLength: 50 }).map((commands) => [...firstJoins, ...commands]),
  });
}
