import type { Namespace } from 'socket.io';
import { Adapter } from 'socket.io-adapter';
import type { BroadcastOptions, Room, SocketId } from 'socket.io-adapter';
import type { Packet } from 'socket.io-parser';
import { Frame } from './frame.ts';
import { outboxOf } from './outbox.ts';
import type { Outbox } from './outbox.ts';
import type { Turn } from './turn.ts';

/** What of a Socket.IO socket is used here. */
interface MemberSocket {
  readonly conn: object;
  readonly _anyOutgoingListeners?: readonly unknown[];
  notifyOutgoingListeners(packet: Packet): void;
}

/** What the stock adapter leaves a room by, for its subclasses in JavaScript. */
interface Leaving {
  _del(room: Room, id: SocketId): void;
}

interface Member {
  readonly socket: MemberSocket;
  readonly outbox: Outbox;
  /** It was not sent something volatile, which is to be made up for before it is sent any more of that. */
  isBehind: boolean;
}

/** What a room got since its members were the same, at most one turn long. */
interface RoomTurn {
  readonly frames: Frame[];
  readonly packets: Packet[];
  hasVolatile: boolean;
}

/** A room with so few members is not worth a batch. */
const fewMembers = 2;

/** What Socket.IO makes the adapters of its namespaces with: they send at the end of this turn. */
export function roomAdapters(turn: Turn): (namespace: Namespace) => RoomAdapter {
  // Socket.IO calls it with `new`.
  return function create(namespace: Namespace) {
    return new RoomAdapter(namespace, turn);
  };
}

/**
 * Socket.IO's adapter in memory, but a room's events of one turn are gathered, encoded once, and dealt out to its members
 * together with everything else that they are due: see {@link Outbox}. Each connection gets what it would have got, in the
 * same order.
 */
export class RoomAdapter extends Adapter {
  readonly #turn: Turn;
  readonly #leaveTurn: () => void;
  readonly #members = new Map<SocketId, Member>();
  #rooms = new Map<Room, RoomTurn>();
  /** Events of rooms given to their members so far. */
  deliveries = 0;

  /**
   * Called with what is volatile and was left out because a member does not keep up. Where it answers true, all that is
   * volatile is left out for that member until {@link makeUp}.
   */
  onSkipped: ((id: SocketId, packet: Packet) => boolean) | undefined;

  constructor(namespace: Namespace, turn: Turn) {
    super(namespace);
    this.#turn = turn;
    this.#leaveTurn = turn.onDeal(() => this.#dealAll());
  }

  /** What all members were sent, and their lines have not taken. */
  get undeliveredBytes(): number {
    let bytes = 0;
    for (const { outbox } of this.#members.values()) bytes += outbox.undeliveredBytes;
    return bytes;
  }

  /** Whether the member's line has not taken all that was sent. */
  isBacklogged(id: SocketId): boolean {
    return this.#members.get(id)?.outbox.isBacklogged ?? false;
  }

  /** Deals out what a room got so far, so that it is known who is left out. */
  settle(room: Room): void {
    this.#deal(room);
  }

  /** Has `send` send what was left out for a member; where it answers true that was all, and nothing more is left out. */
  makeUp(id: SocketId, send: () => boolean): void {
    // What rooms got before is left out, and comes with the rest.
    this.#dealAll();
    const isAll = send();
    const member = this.#members.get(id);
    if (member && isAll) member.isBehind = false;
  }

  override close(): void {
    this.#leaveTurn();
  }

  override addAll(id: SocketId, rooms: Set<Room>): void {
    if (!this.#members.has(id)) this.#enter(id);
    if (rooms.size === 0) void super.addAll(id, rooms);
    for (const room of rooms) {
      // Who comes gets nothing of what was sent before, by listeners of the other rooms either.
      this.#deal(room);
      void super.addAll(id, rooms.size === 1 ? rooms : new Set([room]));
    }
  }

  override del(id: SocketId, room: Room): void {
    // Who leaves gets all of it.
    this.#deal(room);
    void super.del(id, room);
  }

  override delAll(id: SocketId): void {
    for (const room of this.sids.get(id) ?? []) {
      this.#deal(room);
      (this as unknown as Leaving)._del(room, id);
    }
    this.#members.delete(id);
    this.sids.delete(id);
  }

  override broadcast(packet: Packet, opts: BroadcastOptions): void {
    const { rooms, except, flags } = opts;
    if (rooms.size !== 1 || (except && except.size > 0)) {
      super.broadcast(packet, opts);
      return;
    }
    const [room] = rooms as Iterable<Room> as [Room];
    const ids = this.rooms.get(room);
    if (!ids) return;
    const [text, ...attachments] = this.#encode(packet);
    if (attachments.length > 0) super.broadcast(packet, opts);
    else this.#send(room, ids, packet, new Frame(this.#turn.nextOrder(), text, flags?.volatile));
  }

  #enter(id: SocketId): void {
    const socket = (this.nsp as Namespace).sockets.get(id) as unknown as MemberSocket | undefined;
    if (!socket) return;
    // It may have joined rooms before it was let in.
    for (const room of this.sids.get(id) ?? []) this.#deal(room);
    this.#members.set(id, { socket, outbox: outboxOf(socket.conn), isBehind: false });
  }

  #encode(packet: Packet): [string, ...unknown[]] {
    const { nsp, encoder } = this as unknown as {
      readonly nsp: Namespace;
      readonly encoder: { encode(packet: Packet): [string, ...unknown[]] };
    };
    packet.nsp = nsp.name;
    return encoder.encode(packet);
  }

  #send(room: Room, ids: ReadonlySet<SocketId>, packet: Packet, frame: Frame): void {
    if (ids.size <= fewMembers) {
      // A listener may let them leave.
      const now = Array.from(ids);
      for (const id of now) this.#sendTo(id, packet, frame);
      return;
    }
    let turn = this.#rooms.get(room);
    if (!turn) {
      turn = { frames: [], packets: [], hasVolatile: false };
      this.#rooms.set(room, turn);
    }
    turn.frames.push(frame);
    turn.packets.push(packet);
    turn.hasVolatile ||= frame.isVolatile;
  }

  #sendTo(id: SocketId, packet: Packet, frame: Frame): void {
    const member = this.#members.get(id);
    if (!member) return;
    member.socket.notifyOutgoingListeners(packet);
    if (frame.isVolatile && leavesOut(member)) this.#skip(id, member, packet);
    else this.#share(member, frame);
  }

  #share({ outbox }: Member, frame: Frame): void {
    this.deliveries += 1;
    outbox.share(frame);
  }

  #skip(id: SocketId, member: Member, packet: Packet): void {
    if (this.onSkipped?.(id, packet)) member.isBehind = true;
  }

  #dealAll(): void {
    if (this.#rooms.size === 0) return;
    for (const room of this.#rooms.keys()) this.#deal(room);
  }

  #deal(room: Room): void {
    const turn = this.#rooms.get(room);
    if (!turn) return;
    this.#rooms.delete(room);
    const { frames, packets, hasVolatile } = turn;
    const listening: MemberSocket[] = [];
    for (const id of this.rooms.get(room) ?? []) {
      const member = this.#members.get(id);
      if (!member) continue;
      const { socket, outbox } = member;
      if (hasVolatile && leavesOut(member)) {
        for (const [i, frame] of frames.entries()) {
          if (frame.isVolatile) this.#skip(id, member, packets[i]!);
          else this.#share(member, frame);
        }
      } else {
        this.deliveries += frames.length;
        outbox.deal(frames);
      }
      if (socket._anyOutgoingListeners?.length) listening.push(socket);
    }
    // When everybody has their share: a listener may do anything.
    for (const socket of listening) {
      for (const packet of packets) this.#turn.attempt(() => socket.notifyOutgoingListeners(packet));
    }
  }
}

function leavesOut({ isBehind, outbox }: Member): boolean {
  return isBehind || outbox.isBacklogged;
}
