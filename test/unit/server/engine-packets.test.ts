import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import type { Packet } from 'engine.io-parser';
import { tolerateEnginePackets } from '../../../server/src/connection/engine-packets.ts';

/** Reads the body of a long-polling request, as a connection's transport would. */
function decodePayload(body: string): Packet[] {
  const decodePacket = (data: string): Packet => ({ type: 'message', data: data.slice(1) });
  const transport = { parser: { decodePacket, decodePayload: (_body: string): Packet[] => [] } };
  const socket = { transport, on: () => undefined };
  tolerateEnginePackets({ on: (_event: string, connected: (to: unknown) => void) => connected(socket) } as never);
  return transport.parser.decodePayload(body);
}

test('a request is read packet by packet', () => {
  const texts = ['one', '\uFEFF“zwei” 😀', ''];
  expect(decodePayload(texts.map((text) => `4${text}`).join('\u001E')).map(({ data }) => data)).toEqual(texts);
  expect(decodePayload('4alone')).toEqual([{ type: 'message', data: 'alone' }]);
});

test('who keeps a piece of a packet does not keep the request that it came in', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const requestBytes = 1024 * 1024;
  const kept: string[] = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 50; i++) {
    const packet = `4${String(i).padEnd(64, 'x')}`;
    const body = Buffer.from(`${packet}\u001E4`.padEnd(requestBytes, 'y')).toString();
    const [first] = decodePayload(body);
    kept.push((first!.data as string).slice(0, 32));
  }
  collect();
  expect(kept).toHaveLength(50);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * requestBytes);
});
