import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import express from 'express';
import type { RequestHandler } from 'express';
import { createErrorHandler } from '../../../server/src/http/error-handler.ts';
import type { Metrics } from '../../../server/src/metrics.ts';
import type { Services } from '../../../server/src/services.ts';
import { fakeLogger } from '../../support/fake-services.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

/** Has `handler` serve one request, and gives what came of it. */
async function serve(handler: RequestHandler) {
  const { logger, lines } = fakeLogger();
  const outcomes: [string, string][] = [];
  const metrics = { answered: (...outcome: [string, string]) => outcomes.push(outcome) } as unknown as Metrics;
  const app = express();
  app.use((_request, response, next) => {
    Object.assign(response.locals, { requestId: 'the-request', event: 'get_thread' });
    next();
  });
  app.use(handler);
  app.use(createErrorHandler({ logger, metrics, activity: { refused: () => undefined } } as unknown as Services));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/`).then(
      async (response) => ({ status: response.status, text: await response.text() }),
      () => 'broken off' as const,
    );
    return { answer, lines, outcomes };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const fault = new Error('hunter2');

test('a fault is answered by internal, counted, and logged with its request', async () => {
  const { answer, lines, outcomes } = await serve(() => {
    throw fault;
  });
  expect(answer).toMatchObject({ status: 500 });
  expect(JSON.stringify(answer)).not.toContain('hunter2');
  expect(outcomes).toEqual([['http get_thread', 'internal']]);
  expect(lines).toEqual([
    { level: 'error', fields: { err: fault, request_id: 'the-request', event: 'get_thread' }, text: 'request failed' },
  ]);
});

test('after an answer has begun the connection is closed, and only the log hears of it', async () => {
  const printed = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  // Express prints nothing where it is tested.
  jest.replaceProperty(process, 'env', { ...process.env, NODE_ENV: 'production' });
  const { answer, lines, outcomes } = await serve((_request, response) => {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('begun');
    throw fault;
  });
  expect(answer).toBe('broken off');
  expect(outcomes).toEqual([]);
  expect(lines).toMatchObject([
    {
      level: 'error',
      fields: { err: fault, request_id: 'the-request' },
      text: 'request failed when its answer had begun',
    },
  ]);
  expect(printed).not.toHaveBeenCalled();
});
