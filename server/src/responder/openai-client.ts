import type * as OpenAiPackage from 'openai';
import { limitLines } from './limit-lines.ts';
import { unreadable } from './model-failure.ts';

export interface Endpoint {
  /** As `https://api.openai.com/v1`, which it is unless given. */
  readonly baseUrl?: string | undefined;
  /** None is sent where none is given: a model on one's own machine asks for none. */
  readonly apiKey?: string | undefined;
}

/** The `openai` package, and a client of it. */
export interface OpenAiClient {
  readonly openai: typeof OpenAiPackage;
  readonly client: OpenAiPackage.OpenAI;
}

/** Another attempt is made where the endpoint could not be reached, was too busy, or had a problem; none once it answers. */
const maxRetries = 2;
/** An endpoint that wants to be left alone for longer is not asked again: somebody is waiting. */
const maxRetryAfterMs = 5000;
/** More than the longest reply in one piece, with all of its characters escaped. The package takes longer and longer for longer lines. */
const maxLineBytes = 2 * 1024 * 1024;

/** Loads the package: it takes its time, and a server whose model is never asked can do without it. */
export async function openAiClient({ baseUrl, apiKey }: Endpoint): Promise<OpenAiClient> {
  const openai = await import('openai');
  const client = new openai.OpenAI({
    baseURL: baseUrl ?? 'https://api.openai.com/v1',
    // The package insists on a key, and would take one from the environment that is not meant for this endpoint.
    apiKey: apiKey ?? 'none',
    ...(apiKey === undefined && { defaultHeaders: { Authorization: null } }),
    maxRetries,
    fetch: fetchOrGiveUp,
    // It would print what it cannot read.
    logLevel: 'off',
  });
  return { openai, client };
}

/** `fetch` for the package's client, which would wait for as long as the endpoint tells it to, and read lines of any length. */
async function fetchOrGiveUp(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  if (response.ok && response.body) {
    const { status, headers } = response;
    return new Response(response.body.pipeThrough(limitLines(maxLineBytes, unreadable)), { status, headers });
  }
  if (response.ok || retryAfterMs(response.headers) <= maxRetryAfterMs) return response;
  const headers = new Headers(response.headers);
  headers.set('x-should-retry', 'false');
  return new Response(response.body, { status: response.status, headers });
}

function retryAfterMs(headers: Headers): number {
  const inMs = Number.parseFloat(headers.get('retry-after-ms') ?? '');
  if (!Number.isNaN(inMs)) return inMs;
  const given = headers.get('retry-after');
  if (given === null) return 0;
  const seconds = Number.parseFloat(given);
  return Number.isNaN(seconds) ? Date.parse(given) - Date.now() : seconds * 1000;
}
