import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { ErrorObject } from '@threadwire/protocol';

export interface RequestOptions {
  readonly method?: string;
  /** Sent as they are: `Host` and `Origin` too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON; text and bytes as they are, without a content type. */
  readonly body?: object | string | Uint8Array;
  /** Shares TCP connections with other requests. */
  readonly agent?: Agent;
  readonly timeoutMs?: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body, parsed; throws where it is not JSON. */
  readonly json: unknown;
  /** The error object of an answer that is none but an error. */
  readonly error: ErrorObject;
}

const defaultTimeoutMs = 5000;

/** One HTTP request, with nothing added to it but what HTTP demands. */
export function httpRequest(url: string, options: RequestOptions = {}): Promise<Reply> {
  const { method = 'GET', headers = {}, body, timeoutMs = defaultTimeoutMs } = options;
  const isJson = typeof body === 'object' && !(body instanceof Uint8Array);
  const bytes = body === undefined ? undefined : Buffer.from(isJson ? JSON.stringify(body) : body);
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      agent: options.agent ?? new Agent(),
      headers: {
        ...(isJson && { 'Content-Type': 'application/json' }),
        ...(bytes && { 'Content-Length': bytes.length }),
        ...headers,
      },
      signal: AbortSignal.timeout(timeoutMs),
    });
    sent.once('error', (error) => reject(new Error(`${method} ${url}: ${error.message}`, { cause: error })));
    sent.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          get json() {
            return JSON.parse(text) as unknown;
          },
          get error() {
            const parsed = JSON.parse(text) as { error?: ErrorObject };
            if (!parsed.error || Object.keys(parsed).length > 1) throw new Error(`not an error answer: ${text}`);
            return parsed.error;
          },
        });
      });
    });
    sent.end(bytes);
  });
}
