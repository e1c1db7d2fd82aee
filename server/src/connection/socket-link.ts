import type { ServerEvent } from '@threadwire/protocol';
import { PacketType } from 'socket.io-parser';
import type { ThreadSocket } from '../fanout/rooms.ts';
import type { ClientLink, ConnectionFacts } from './connection.ts';
import { flowOf } from './flow.ts';
import type { Flow } from './flow.ts';

/** What Socket.IO answers an ack by itself with. */
interface PacketSocket {
  packet(packet: { readonly type: PacketType; readonly id: number; readonly data: readonly unknown[] }): void;
}

/** A connection's end of its Socket.IO socket. */
export class SocketLink implements ClientLink {
  readonly #socket: ThreadSocket;
  readonly #flow: Flow;

  constructor(socket: ThreadSocket) {
    this.#socket = socket;
    this.#flow = flowOf(socket.conn);
  }

  get id(): string {
    return this.#socket.id;
  }

  get facts(): ConnectionFacts {
    const { handshake, conn } = this.#socket;
    return {
      address: handshake.address,
      transport: conn.transport.name,
      connectedAt: handshake.issued,
      bufferedBytes: this.#flow.undeliveredBytes,
      isSlow: this.#flow.isBehind,
      roundTripMs: this.#flow.roundTripMs,
    };
  }

  emit(event: ServerEvent, payload: unknown): void {
    this.#socket.emit(event, payload as never);
  }

  ackOf(id: number): (answer: unknown) => void {
    const socket = this.#socket as unknown as PacketSocket;
    return (answer) => socket.packet({ type: PacketType.ACK, id, data: [answer] });
  }

  disconnect(): void {
    this.#socket.disconnect(true);
  }

  closeTransport(): void {
    this.#socket.conn.close();
  }

  setReading(on: boolean): void {
    this.#flow.hold('unanswered', !on);
  }

  answer(send: () => void): void {
    this.#flow.answer(send);
  }

  delivered(): Promise<void> {
    return this.#flow.delivered();
  }

  wasted(): void {
    this.#flow.wasted();
  }

  cut(): void {
    this.#flow.cut();
  }
}
