import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { errorTable } from '@threadwire/protocol';
import express from 'express';
import type { NextFunction, Request, Response } from 'express';
import { createOperations } from '../../../server/src/http/operations.ts';
import { Metrics } from '../../../server/src/metrics.ts';
import { RequestError } from '../../../server/src/request-error.ts';

const metrics = new Metrics();

/** The status of GET /metrics for whoever comes from this address. */
async function statusFrom(address: string, metricsToken?: string, headers: Record<string, string> = {}) {
  const app = express();
  app.use(createOperations({ metrics, metricsToken, notReadyReasons: () => [] }));
  app.use((thrown: unknown, _request: Request, response: Response, _next: NextFunction) => {
    response.sendStatus(thrown instanceof RequestError ? errorTable[thrown.code].status : 500);
  });
  const server = createServer((request, response) => {
    // The tests' machine may have no address but its loopback's.
    Object.defineProperty(request.socket, 'remoteAddress', { value: address });
    app(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const reply = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { ...headers, Connection: 'close' } });
    return reply.status;
  } finally {
    server.close();
  }
}

test.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])(
  'without a token, metrics are for %s, which is loopback',
  async (address) => expect(await statusFrom(address)).toBe(200),
);

test.each(['10.0.0.7', '203.0.113.9', '::ffff:10.0.0.7', 'fe80::1', '2001:db8::127.0.0.1', ''])(
  'without a token, metrics are not for "%s", which is elsewhere; with it they are',
  async (address) => {
    expect(await statusFrom(address)).toBe(403);
    expect(await statusFrom(address, 'the-token')).toBe(401);
    expect(await statusFrom(address, 'the-token', { Authorization: 'Bearer the-token' })).toBe(200);
  },
);
