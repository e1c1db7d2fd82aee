import { randomUUID } from 'node:crypto';
import cors from 'cors';
import express from 'express';
import type { Express, RequestHandler, Router } from 'express';
import helmet from 'helmet';
import { RequestError } from '../request-error.ts';
import type { Services } from '../services.ts';
import { createApi } from './api.ts';
import type { ApiOptions } from './api.ts';
import { createErrorHandler } from './error-handler.ts';
import { createOperations } from './operations.ts';
import type { OperationsOptions } from './operations.ts';
import { foreignReason } from './origin-guard.ts';
import type { OriginRules } from './origin-guard.ts';
import { createPage } from './page.ts';

export interface AppOptions extends ApiOptions, OperationsOptions {
  readonly origins: OriginRules;
  /** A built page to serve at `/`. */
  readonly pageDir?: string | undefined;
  /** What operators have below `/admin`. */
  readonly adminRoutes: Router;
}

/** The express app: guards first, then the operators' routes, then the API, whose error handler serves all. */
export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(nameRequests(options.services));
  app.use(helmet());
  app.use((request, response, next) => {
    response.set('Cache-Control', 'no-store');
    const reason = foreignReason(request, options.origins);
    if (reason !== undefined) throw new RequestError('forbidden', reason);
    next();
  });
  if (options.origins.corsOrigins.length > 0) {
    app.use(
      cors({
        origin: [...options.origins.corsOrigins],
        methods: ['GET', 'POST', 'PATCH', 'DELETE'],
        exposedHeaders: ['Retry-After', 'X-Request-Id'],
        maxAge: 600,
      }),
    );
  }
  app.use(createOperations(options));
  app.use(options.adminRoutes);
  if (options.pageDir !== undefined) app.use(createPage(options.pageDir));
  app.get('/', (_request, response) => {
    response
      .type('text/plain')
      .send(
        [
          'Threadwire is running.',
          '',
          'Socket.IO: connect to this address with the path /api/ws',
          'HTTP API:  /api/threads, described by /api/openapi.json and /api/asyncapi.json',
          'Health:    /healthz, /readyz, /metrics',
          '',
        ].join('\n'),
      );
  });
  app.use(createApi(options));
  app.use((request) => {
    throw new RequestError('unknown_event', `There is no route ${request.method} ${request.path.slice(0, 200)}.`);
  });
  app.use(createErrorHandler(options.services));
  return app;
}

/** Gives each request the id that it is found by in the log, and says there what became of it. */
function nameRequests({ logger }: Pick<Services, 'logger'>): RequestHandler {
  return (request, response, next) => {
    // Never the client's own: it is written to the log, and must be one of a kind there.
    const requestId = randomUUID();
    response.locals['requestId'] = requestId;
    response.set('X-Request-Id', requestId);
    if (logger.isLevelEnabled('debug')) {
      const begunAt = performance.now();
      response.once('close', () => {
        // Not its URL: people put tokens into queries.
        const event: unknown = response.locals['event'];
        const about = { request_id: requestId, method: request.method, event };
        const durationMs = Math.round(performance.now() - begunAt);
        if (!response.writableFinished) logger.debug({ ...about, duration_ms: durationMs }, 'request broke off');
        else logger.debug({ ...about, status: response.statusCode, duration_ms: durationMs }, 'request answered');
      });
    }
    next();
  };
}
