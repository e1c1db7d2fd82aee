import { timingSafeEqual, createHash } from 'node:crypto';
import { asyncApiDocument, openApiDocument } from '@threadwire/protocol';
import express from 'express';
import type { Request, Router } from 'express';
import { isLoopback } from '../config.ts';
import { plainAddress } from './plain-address.ts';
import type { Metrics } from '../metrics.ts';
import { RequestError } from '../request-error.ts';

export interface OperationsOptions {
  readonly metrics: Metrics;
  readonly metricsToken: string | undefined;
  /** Why the server is not ready to take new clients; none: it is. */
  readonly notReadyReasons: () => string[];
}

/** What operators and tools ask for: health, readiness, metrics and the generated descriptions of the interfaces. */
export function createOperations({ metrics, metricsToken, notReadyReasons }: OperationsOptions): Router {
  const router = express.Router();
  const asyncApi = asyncApiDocument();
  const openApi = openApiDocument();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', (_request, response) => {
    const reasons = notReadyReasons();
    response.status(reasons.length === 0 ? 200 : 503);
    response.json(reasons.length === 0 ? { status: 'ok' } : { status: 'unavailable', reasons });
  });
  router.get('/metrics', async (request, response) => {
    if (!mayReadMetrics(request, metricsToken)) {
      throw new RequestError(metricsToken === undefined ? 'forbidden' : 'unauthenticated', 'Metrics are not for you.');
    }
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  router.get('/api/asyncapi.json', (_request, response) => {
    response.json(asyncApi);
  });
  router.get('/api/openapi.json', (_request, response) => {
    response.json(openApi);
  });
  return router;
}

function mayReadMetrics(request: Request, token: string | undefined): boolean {
  if (token === undefined) {
    // Through a proxy on this machine everybody seems to be local.
    const isForwarded = request.get('Forwarded') !== undefined || request.get('X-Forwarded-For') !== undefined;
    return !isForwarded && isLoopback(plainAddress(request.socket.remoteAddress));
  }
  const given = /^Bearer +(\S+)$/i.exec(request.get('Authorization') ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
