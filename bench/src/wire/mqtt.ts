import { randomUUID } from 'node:crypto';
import { toMessage } from '../servers/messages.ts';
import { MqttPacketReader, mqttPacket } from './mqtt-packets.ts';
import { openTcp } from './tcp-link.ts';
import type { TcpLink } from './tcp-link.ts';
import type { Client, ClientEvents, Subscription, Wire } from './wire.ts';

// MQTT 3.1.1: subscribed at QoS 0, published at QoS 1, so that senders get an answer.
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html
const connect = 0x10;
const connack = 0x20;
const publish = 0x30;
const publishQos1 = 0x32;
const puback = 0x40;
const subscribe = 0x82;
const suback = 0x90;
const maxPacketId = 0xffff;

class MqttClient implements Client {
  messages = 0;
  readonly #events: ClientEvents;
  readonly #user = `user-${randomUUID().slice(0, 4)}`;
  #tcp!: TcpLink;
  #sends = 0;
  #isSubscribed!: () => void;

  private constructor(events: ClientEvents) {
    this.#events = events;
  }

  static async open(port: number, subscriptions: readonly Subscription[], events: ClientEvents): Promise<Client> {
    const client = new MqttClient(events);
    const subscribed = new Promise<void>((resolve) => {
      client.#isSubscribed = resolve;
    });
    const reader = new MqttPacketReader((type, bytes, start, end) => client.#receive(type, bytes, start, end));
    client.#tcp = await openTcp({
      port,
      onLost: events.onLost,
      onBytes: (bytes, length) => {
        reader.read(bytes, length);
        events.onChunk?.();
      },
    });
    const keepAliveSeconds = [0, 0];
    const cleanSession = [0x02];
    client.#tcp.send(mqttPacket(connect, 'MQTT', [4], cleanSession, keepAliveSeconds, randomUUID().slice(0, 23)));
    const filters = subscriptions.flatMap(({ threadId }) => [threadId, [0]]);
    client.#tcp.send(mqttPacket(subscribe, [0, 1], ...filters));
    await subscribed;
    return client;
  }

  send(threadId: string, content: string, messageId: string): number {
    this.#sends += 1;
    const packetId = (this.#sends % maxPacketId) + 1;
    // It relays what it is given, so the object that the other servers make is made here.
    const message = toMessage({ thread_id: threadId, content, message_id: messageId }, this.#user, this.#sends);
    const payload = Buffer.from(JSON.stringify(message));
    this.#tcp.send(mqttPacket(publishQos1, threadId, [packetId >> 8, packetId & 0xff], payload));
    return packetId;
  }

  close(): void {
    this.#tcp.close();
  }

  #receive(type: number, bytes: Buffer, start: number, end: number): void {
    // The low bit of a publication says that it is kept, which changes nothing here.
    if ((type & 0xfe) === publish) {
      this.messages += 1;
      this.#events.onMessage?.(bytes, start, end);
    } else if (type === puback) {
      this.#events.onAnswer?.(bytes.readUInt16BE(start));
    } else if (type === suback) {
      this.#isSubscribed();
    } else if (type !== connack || bytes[start + 1] !== 0) {
      this.#events.onLost(`the broker sent a packet 0x${type.toString(16)}`);
    }
  }
}

/** Mosquitto (C), by MQTT over TCP, which keeps messages in memory only. */
export const mqttWire: Wire = {
  connect: (port, subscriptions, events) => MqttClient.open(port, subscriptions, events),
};
