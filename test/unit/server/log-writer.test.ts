import { describe, expect, test } from '@jest/globals';
import { RequestError } from '../../../server/src/request-error.ts';
import { StoreUnavailable } from '../../../server/src/store/thread-store.ts';
import type { MessageWritten, WriteOp, WriteResult } from '../../../server/src/store/thread-store.ts';
import { LogWriter } from '../../../server/src/threads/log-writer.ts';
import { actorOf, fakeLogger } from '../../support/fake-services.ts';
import { turn } from '../../support/manual-clock.ts';
import { messageOf, range } from './changes.ts';

interface Batch {
  readonly ops: readonly WriteOp[];
  /** Answers every op with the next seqs. */
  commit(): void;
  answer(results: WriteResult[]): void;
  fail(error: Error): void;
}

function append(id: string, content = 'text', threadId = 't'): WriteOp {
  const fields = { messageId: id, role: 'user', content, metadata: {}, at: 0 } as const;
  return { kind: 'append', threadId, actor: actorOf('ada'), id, ...fields };
}

function setUp({ writesInOrder = false, onResult = (_op: WriteOp): void => undefined } = {}) {
  const batches: Batch[] = [];
  /** What happened, in order. */
  const happened: string[] = [];
  const { logger, lines } = fakeLogger();
  let seq = 0;
  const committed = ({ id, threadId }: WriteOp): WriteResult => ({
    ok: true,
    message: messageOf({ seq: ++seq, id, thread_id: threadId }),
    changed: true,
  });
  const writer = new LogWriter({
    store: {
      writesInOrder,
      write: (ops) =>
        new Promise((resolve, reject) => {
          batches.push({ ops, answer: resolve, fail: reject, commit: () => resolve(ops.map(committed)) });
        }),
    },
    logger,
    onResult,
    onCommit: (change) => happened.push(`announced ${change.event} ${change.seq}`),
    onUnknown: (threadId) => happened.push(`unknown ${threadId}`),
    onBatch: (ops) => happened.push(`batch of ${ops}`),
  });
  return {
    writer,
    batches,
    happened,
    lines,
    /** Writes, and notes the answer when it comes. */
    write: (op: WriteOp): void => {
      writer.write(op).then(
        (result) =>
          happened.push(`answered ${op.id} ${result.ok ? (result as MessageWritten).message.seq : result.code}`),
        (error: unknown) => happened.push(`rejected ${op.id} ${(error as Error).name}`),
      );
    },
  };
}

const idsOf = ({ ops }: Batch): string[] => ops.map(({ id }) => id);

describe('group commit', () => {
  test('takes everything of one turn into one batch, in order', async () => {
    const { write, batches } = setUp();
    write(append('a'));
    await Promise.resolve();
    write(append('b'));
    write(append('c'));
    expect(batches).toEqual([]);
    await turn();
    expect(batches.map(idsOf)).toEqual([['a', 'b', 'c']]);
  });

  test('gathers the next batch while one is under way', async () => {
    const { write, batches } = setUp();
    write(append('a'));
    await turn();
    write(append('b'));
    await turn();
    write(append('c'));
    await turn();
    expect(batches.map(idsOf)).toEqual([['a']]);
    batches[0]!.commit();
    await turn();
    expect(batches.map(idsOf)).toEqual([['a'], ['b', 'c']]);
  });

  test('begins again after a rest', async () => {
    const { write, batches, happened } = setUp();
    write(append('a'));
    await turn();
    batches[0]!.commit();
    await turn();
    write(append('b'));
    await turn();
    batches[1]!.commit();
    await turn();
    expect(happened.filter((what) => what.startsWith('answered'))).toEqual(['answered a 1', 'answered b 2']);
  });

  test('takes at most 256 ops at once', async () => {
    const { write, batches, happened } = setUp();
    for (const i of range(1, 600)) write(append(`${i}`));
    await turn();
    while (happened.filter((what) => what.startsWith('answered')).length < 600) {
      batches.at(-1)!.commit();
      await turn();
    }
    expect(batches.map(({ ops }) => ops.length)).toEqual([256, 256, 88]);
    expect(batches.flatMap(idsOf)).toEqual(range(1, 600).map(String));
    expect(happened.filter((what) => what.startsWith('batch'))).toEqual([
      'batch of 256',
      'batch of 256',
      'batch of 88',
    ]);
  });

  test('takes no more once it holds a million characters', async () => {
    const { write, batches } = setUp();
    const long = 'x'.repeat(300_000);
    for (const i of range(1, 6)) write(append(`${i}`, long));
    await turn();
    expect(batches.map(idsOf)).toEqual([['1', '2', '3', '4']]);
    batches[0]!.commit();
    await turn();
    expect(batches.map(idsOf)).toEqual([
      ['1', '2', '3', '4'],
      ['5', '6'],
    ]);
  });
});

describe('a store that keeps the order of its calls', () => {
  const ordered = { writesInOrder: true };

  test('gets a second batch while it commits one, if many wait, and no third', async () => {
    const { write, batches } = setUp(ordered);
    write(append('first'));
    await turn();
    for (const i of range(1, 63)) write(append(`${i}`));
    await turn();
    expect(batches.map(idsOf)).toEqual([['first']]);
    write(append('64'));
    await turn();
    expect(batches.map(({ ops }) => ops.length)).toEqual([1, 64]);
    for (const i of range(65, 200)) write(append(`${i}`));
    await turn();
    expect(batches).toHaveLength(2);
    batches[0]!.commit();
    await turn();
    expect(batches.flatMap(idsOf)).toEqual(['first', ...range(1, 200).map(String)]);
  });

  test('gets nothing that would overtake what is repeated', async () => {
    const { write, batches, happened } = setUp(ordered);
    write(append('a'));
    write(append('b'));
    await turn();
    for (const i of range(1, 64)) write(append(`${i}`));
    await turn();
    batches[0]!.fail(new TypeError('poison'));
    await turn();
    for (const i of range(65, 200)) write(append(`${i}`));
    batches[1]!.commit();
    await turn();
    expect(batches.slice(2).map(idsOf)).toEqual([['a']]);
    batches[2]!.commit();
    await turn();
    batches[3]!.commit();
    await turn();
    expect(batches.slice(2).map(({ ops }) => ops.length)).toEqual([1, 1, 136]);
    expect(happened.at(-1)).toBe('batch of 136');
  });
});

describe('a change', () => {
  test('is announced before its writer is answered, in order of seq', async () => {
    const { write, batches, happened } = setUp();
    write(append('a'));
    write({ kind: 'edit', threadId: 't', actor: actorOf('ada'), id: 'a', content: 'new', at: 0 });
    write({ kind: 'delete', threadId: 't', actor: actorOf('ada'), id: 'a', at: 0 });
    await turn();
    batches[0]!.commit();
    await turn();
    expect(happened).toEqual([
      'batch of 3',
      'announced thread_message 1',
      'announced message_updated 2',
      'announced message_updated 3',
      'answered a 1',
      'answered a 2',
      'answered a 3',
    ]);
  });

  test('that was made before is answered and not announced again', async () => {
    const { writer, batches, happened } = setUp();
    const answer = writer.write(append('a'));
    await turn();
    const repeat: WriteResult = { ok: true, message: messageOf({ seq: 7 }), changed: false };
    batches[0]!.answer([repeat]);
    expect(await answer).toBe(repeat);
    expect(happened).toEqual(['batch of 1']);
  });

  test('that somebody fails to hear of is not written again, and harms nothing else of its batch', async () => {
    const deaf = new TypeError('deaf');
    const onResult = ({ id }: WriteOp): void => {
      if (id === 'b') throw deaf;
    };
    const { write, batches, happened, lines } = setUp({ onResult });
    for (const id of ['a', 'b', 'c']) write(append(id, 'text', `t-${id}`));
    await turn();
    batches[0]!.commit();
    await turn();
    expect(batches).toHaveLength(1);
    expect(happened.slice(1)).toEqual([
      'announced thread_message 1',
      // Its readers get it from the store.
      'unknown t-b',
      'announced thread_message 3',
      'answered a 1',
      'answered b 2',
      'answered c 3',
    ]);
    expect(lines.map(({ level, fields }) => [level, fields['err']])).toEqual([['error', deaf]]);
  });

  test('that a rule refuses is a value, and harms nothing else of its batch', async () => {
    const { write, batches, happened } = setUp();
    write(append('a'));
    write(append('b'));
    write(append('c'));
    await turn();
    const ok = (seq: number): WriteResult => ({ ok: true, message: messageOf({ seq }), changed: true });
    batches[0]!.answer([ok(1), { ok: false, code: 'thread_not_found', message: 'no' }, ok(2)]);
    await turn();
    expect(happened.slice(1)).toEqual([
      'announced thread_message 1',
      'announced thread_message 2',
      'answered a 1',
      'answered b thread_not_found',
      'answered c 2',
    ]);
  });
});

describe('a store that is away', () => {
  test('fails every op of the batch, none of which is known to have failed', async () => {
    const { write, batches, happened, lines } = setUp();
    write(append('a', 'text', 't1'));
    write(append('b', 'text', 't2'));
    await turn();
    batches[0]!.fail(new StoreUnavailable('away'));
    await turn();
    expect(happened.slice(1)).toEqual([
      'unknown t1',
      'unknown t2',
      'rejected a StoreUnavailable',
      'rejected b StoreUnavailable',
    ]);
    expect(lines).toEqual([]);
  });

  test('does not keep the next batch from being tried', async () => {
    const { write, batches, happened } = setUp();
    write(append('a'));
    await turn();
    write(append('b'));
    batches[0]!.fail(new StoreUnavailable('away'));
    await turn();
    batches[1]!.commit();
    await turn();
    expect(happened.slice(-2)).toEqual(['announced thread_message 1', 'answered b 1']);
  });
});

describe('an op that the store cannot digest', () => {
  const poison = new TypeError('poison');

  test('fails alone, the others of its batch are committed in order', async () => {
    const { write, batches, happened, lines } = setUp();
    for (const id of ['a', 'b', 'c']) write(append(id));
    await turn();
    batches[0]!.fail(poison);
    await turn();
    batches[1]!.commit();
    await turn();
    batches[2]!.fail(poison);
    await turn();
    batches[3]!.commit();
    await turn();
    expect(batches.map(idsOf)).toEqual([['a', 'b', 'c'], ['a'], ['b'], ['c']]);
    expect(happened.filter((what) => /^(answered|rejected)/.test(what))).toEqual([
      'answered a 1',
      'rejected b TypeError',
      'answered c 2',
    ]);
    expect(lines.map(({ level, fields }) => [level, fields['err']])).toEqual([
      ['error', poison],
      ['error', poison],
    ]);
  });

  test('leaves it unknown what of its batch took effect, whatever the second try says', async () => {
    const { write, batches, happened } = setUp();
    write(append('a', 'text', 't1'));
    write(append('b', 'text', 't2'));
    await turn();
    batches[0]!.fail(poison);
    await turn();
    // The first try had committed it, so the second one is a repeat, which is not announced.
    batches[1]!.answer([{ ok: true, message: messageOf({ seq: 1 }), changed: false }]);
    await turn();
    expect(happened).toContain('unknown t1');
    expect(happened).toContain('unknown t2');
  });
});

describe('a full queue', () => {
  async function isRefused(writer: LogWriter): Promise<boolean> {
    const outcome = await Promise.race([writer.write(append('one more')).catch((error: unknown) => error), turn()]);
    if (outcome === undefined) return false;
    expect(outcome).toBeInstanceOf(RequestError);
    expect((outcome as RequestError).toObject()).toMatchObject({
      code: 'overloaded',
      retry: 'later',
      retry_after_ms: 1000,
    });
    return true;
  }

  test('of 50,000 ops takes no more, until a batch was taken from it', async () => {
    const { write, writer, batches } = setUp();
    write(append('first'));
    await turn();
    for (const i of range(1, 50_000)) write(append(`${i}`));
    expect(await isRefused(writer)).toBe(true);
    batches[0]!.commit();
    await turn();
    expect(await isRefused(writer)).toBe(false);
  });

  test('of 128 Mi characters takes no more, until a batch was taken from it', async () => {
    const { write, writer, batches } = setUp();
    write(append('first'));
    await turn();
    const long = 'x'.repeat(1024 * 1024);
    for (const i of range(1, 128)) write(append(`${i}`, long));
    expect(await isRefused(writer)).toBe(true);
    batches[0]!.commit();
    await turn();
    expect(await isRefused(writer)).toBe(false);
  });
});
