import { join } from 'node:path';
import express from 'express';
import type { RequestHandler, Router } from 'express';

/** What a page of ours may load and do: its own files, its own server, and nothing that is written into the HTML. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves a built page at `/`. What lies in `assets/` has its hash in its name: browsers may keep it for good. */
export function createPage(directory: string): Router {
  const router = express.Router();
  router.use('/assets', files(join(directory, 'assets'), 'public, max-age=31536000, immutable'));
  router.use(files(directory));
  return router;
}

function files(directory: string, cacheControl?: string): RequestHandler {
  return express.static(directory, {
    cacheControl: false,
    setHeaders: (response) => {
      response.setHeader('Content-Security-Policy', contentSecurityPolicy);
      if (cacheControl !== undefined) response.setHeader('Cache-Control', cacheControl);
    },
  });
}
