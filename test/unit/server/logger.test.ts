import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { pino } from 'pino';
import { loggedError } from '../../../server/src/logged-error.ts';
import { createLogger, withoutSecrets } from '../../../server/src/logger.ts';
import { RequestError } from '../../../server/src/request-error.ts';
import { StoreUnavailable } from '../../../server/src/store/thread-store.ts';

const visibleLine = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*\n$/u;

function setUp(level = 'trace') {
  const lines: string[] = [];
  return { lines, logger: createLogger(level, { write: (line) => void lines.push(line) }) };
}

describe('a line', () => {
  test.each([
    ['a new line', 'a\nb\r\n{"level":50}'],
    ['ANSI escapes', '\u001B[31mred\u001B[0m and \u009B31m'],
    ['DEL and C1 controls', '\u007F\u0080\u0085\u009F'],
    ['the separators that JavaScript ends lines by', '\u2028\u2029'],
    ['bidirectional controls', '\u202Etxt.exe\u202C \u2066x\u2069 \u061C \u200F'],
    ['what cannot be seen', 'a\u200Bb\uFEFFc\u00ADd\u{E0041}'],
    ['halves of surrogate pairs', 'a\uD800b\uDC00'],
    ['U+0000', 'a\0b'],
  ])('shows %s by escapes, and says the same', (_what, text) => {
    const { lines, logger } = setUp();
    logger.info({ text, [text]: { deep: [text] } }, text);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(visibleLine);
    expect(JSON.parse(lines[0]!)).toMatchObject({ text, [text]: { deep: [text] }, msg: text });
  });

  test('is one of visible JSON, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, name) => {
        const { lines, logger } = setUp();
        logger.warn({ text, user: { [name]: text } }, text);
        expect(lines[0]).toMatch(visibleLine);
        expect(JSON.parse(lines[0]!)).toMatchObject({ text, msg: text });
      }),
    );
  });

  test('of what is usual stays as it is', () => {
    const { lines, logger } = setUp();
    logger.info({ title: 'Grüße, 東京 🙂' }, 'ok');
    expect(lines[0]).toContain('"title":"Grüße, 東京 🙂"');
  });

  test('is not written below the level', () => {
    const { lines, logger } = setUp('warn');
    logger.info('no');
    logger.warn('yes');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['yes']);
  });
});

describe('of an error', () => {
  const secret = 'hunter2';

  test('neither its text nor what hangs on it is logged, but what it is, and where it was made', () => {
    const error = Object.assign(new TypeError(`${secret} is not a function`), { document: secret, code: 11000 });
    const logged = loggedError(error);
    expect(logged).toMatchObject({ type: 'TypeError', code: 11000 });
    expect(logged.stack![0]).toMatch(/logger\.test\.ts:\d+:\d+\)$/);
    expect(JSON.stringify(logged)).not.toContain(secret);
  });

  test.each([
    ['lines like those of a stack', `a\n    at ${secret} (file:1:1)\n    at ${secret}:2:2`],
    ['several lines', `a\n${secret}\nb`],
    ['nothing else', secret],
  ])('whose text is %s nothing of it is logged', (_what, text) => {
    const logged = loggedError(new Error(text));
    expect(logged.stack!.length).toBeGreaterThan(0);
    expect(JSON.stringify(logged)).not.toContain(secret);
  });

  test('what JSON.parse quotes is not logged', () => {
    const thrown = (() => {
      try {
        return JSON.parse(`{"content":${secret}}`) as unknown;
      } catch (error) {
        return error;
      }
    })();
    expect((thrown as Error).message).toContain(secret);
    expect(loggedError(thrown)).toMatchObject({ type: 'SyntaxError' });
    expect(JSON.stringify(loggedError(thrown))).not.toContain(secret);
  });

  test('its causes are logged in the same way, but not without end', () => {
    const inner = Object.assign(new Error(secret), { code: 'ECONNREFUSED' });
    expect(loggedError(new Error('outer', { cause: inner })).cause).toMatchObject({
      type: 'Error',
      code: 'ECONNREFUSED',
    });
    const circle = new Error('a');
    circle.cause = circle;
    expect(JSON.stringify(loggedError(circle)).match(/"cause"/g)).toHaveLength(4);
  });

  test('a code that may be anything is left out', () => {
    for (const code of [`${secret} is the password`, 'x'.repeat(65), { secret }, '', '\n']) {
      expect(loggedError(Object.assign(new Error('a'), { code }))).not.toHaveProperty('code');
    }
  });

  test('of ours that the store is away has its text, which we wrote; a refusal has its code', () => {
    expect(loggedError(new StoreUnavailable('the disk is full'))).toMatchObject({
      type: 'StoreUnavailable',
      message: 'the disk is full',
    });
    const refusal = loggedError(new RequestError('forbidden', secret, { details: { secret } }));
    expect(refusal).toMatchObject({ type: 'RequestError', code: 'forbidden' });
    expect(JSON.stringify(refusal)).not.toContain(secret);
  });

  test.each([secret, 7, null, undefined, { message: secret, stack: secret }, [secret]])(
    'that is none, %j, only the type is logged',
    (thrown) => expect(loggedError(thrown)).toEqual({ type: typeof thrown }),
  );

  test('a logger that somebody else made logs no more', () => {
    const lines: string[] = [];
    const theirs = pino({ base: null }, { write: (line: string) => void lines.push(line) });
    const logger = withoutSecrets(theirs.child({ app: 'theirs' }));
    logger.error({ err: new Error(secret), client_id: 'c' }, 'failed');
    expect(JSON.parse(lines[0]!)).toMatchObject({
      app: 'theirs',
      err: { type: 'Error' },
      client_id: 'c',
      msg: 'failed',
    });
    expect(lines[0]).not.toContain(secret);
  });
});
