import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { foreignReason } from '../../../server/src/http/origin-guard.ts';

function isForeign(
  listening: string,
  headers: { host?: string; origin?: string },
  corsOrigins: string[] = [],
): boolean {
  return foreignReason({ headers } as IncomingMessage, { host: listening, corsOrigins }) !== undefined;
}

describe.each(['127.0.0.1', '127.8.9.1', 'localhost', '::1'])('a server that listens on %s', (listening) => {
  test.each(['localhost', 'localhost:3000', 'LocalHost:3000', '127.0.0.1:3000', '127.1.2.3', '[::1]:3000', '[::1]'])(
    'serves whoever calls it %s',
    (host) => expect(isForeign(listening, { host })).toBe(false),
  );

  test.each([
    'evil.example',
    'evil.example:3000',
    'localhost.evil.example',
    'localhost:3000.evil.example',
    'evil.example:localhost',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '0.0.0.0',
    '[::2]:3000',
    '::1',
    'user@localhost',
    'localhost:',
    'localhost:123456',
    '',
    undefined,
  ])('does not serve whoever calls it %j', (host) => {
    expect(isForeign(listening, host === undefined ? {} : { host })).toBe(true);
  });

  test('does not serve a foreign name for an allowed origin either', () => {
    const origin = 'https://app.example';
    expect(isForeign(listening, { host: 'evil.example', origin }, [origin])).toBe(true);
    expect(isForeign(listening, { host: 'localhost', origin }, [origin])).toBe(false);
  });
});

describe('a server that others can reach', () => {
  const host = 'chat.example:8080';

  test('is called whatever it is called', () => {
    for (const name of [host, '10.0.0.1', undefined]) {
      expect(isForeign('0.0.0.0', name === undefined ? {} : { host: name })).toBe(false);
    }
  });

  test.each(['http://chat.example:8080', 'https://chat.example:8080'])('serves its own page %s', (origin) => {
    expect(isForeign('0.0.0.0', { host, origin })).toBe(false);
  });

  test.each([
    'null',
    '',
    'https://evil.example',
    'http://chat.example',
    'http://chat.example:8081',
    'http://chat.example:8080.evil.example',
    'http://sub.chat.example:8080',
    'http://chat.example:8080/',
    'ws://chat.example:8080',
    'chat.example:8080',
    'https://app.example.evil.example',
    'http://app.example',
    'HTTPS://APP.EXAMPLE',
  ])('does not serve the page %j', (origin) => {
    expect(isForeign('0.0.0.0', { host, origin }, ['https://app.example'])).toBe(true);
  });

  test('serves the pages that the configuration names', () => {
    expect(isForeign('0.0.0.0', { host, origin: 'https://app.example' }, ['https://app.example'])).toBe(false);
  });

  test('does not take a page for its own where no host is given', () => {
    expect(isForeign('0.0.0.0', { origin: 'http://undefined' })).toBe(true);
  });
});
