import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Reader } from '../../../server/src/store/embedded/reader.ts';
import { createSchema } from '../../../server/src/store/embedded/schema.ts';
import { Sqlite } from '../../../server/src/store/embedded/sqlite.ts';
import { Writer } from '../../../server/src/store/embedded/writer.ts';

/** Notes every statement that is prepared. */
class NotingSqlite extends Sqlite {
  readonly statements: string[] = [];

  override change(sql: string): ReturnType<Sqlite['change']> {
    this.statements.push(sql);
    return super.change(sql);
  }

  override insert(sql: string): ReturnType<Sqlite['insert']> {
    this.statements.push(sql);
    return super.insert(sql);
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as the method it overrides
  override one<Row extends readonly (string | number | null)[]>(sql: string) {
    this.statements.push(sql);
    return super.one<Row>(sql);
  }

  override many<Row extends readonly (string | number | null)[]>(sql: string) {
    this.statements.push(sql);
    return super.many<Row>(sql);
  }
}

let db: NotingSqlite;

beforeEach(() => {
  db = new NotingSqlite(':memory:');
  createSchema(db);
});
afterEach(() => db.close());

test('no statement of the embedded store looks through a table', () => {
  db.statements.length = 0;
  const users = [new Writer(db), new Reader(db)];
  expect(db.statements.length).toBeGreaterThan(20 * users.length);
  const scans: string[] = [];
  for (const sql of db.statements.splice(0)) {
    const plan = db.many<[number, number, number, string]>(`EXPLAIN QUERY PLAN ${sql}`);
    for (const [, , , step] of plan(...Array<null>(sql.split('?').length - 1).fill(null))) {
      // Of one row, of the values in the statement, of what a step before it found, of the streams that run now, of the
      // log of streams, which is short, or of what is read as a whole.
      if (
        /^SCAN (?!filed|v$|n$|stream_log$|revocations$|m USING INDEX messages_streaming$|CONSTANT|\d+ CONSTANT|\(subquery)/.test(
          step,
        )
      )
        scans.push(`${step}: ${sql}`);
    }
  }
  expect(scans).toEqual([]);
});
