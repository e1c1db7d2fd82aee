import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { startServer } from '../support/process.ts';
import { missing, python } from '../support/python.ts';

const transcripts = join(__dirname, '..', 'transcripts');

function parseLines(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const expected = parseLines(readFileSync(join(transcripts, 'python-client.expected.jsonl'), 'utf8'));

describe('a stock Socket.IO client in Python', () => {
  test('can run here, or is named as missing', () => {
    expect(missing).toHaveLength(python === undefined ? 1 : 0);
  });

  for (const interpreter of python === undefined ? [] : [python]) {
    test('sees what the protocol says, step by step', async () => {
      await using server = await startServer();
      const program = join(transcripts, 'python-client.py');
      const { stdout } = await promisify(execFile)(interpreter, [program, server.url], {
        timeout: 25_000,
        env: { PATH: process.env['PATH'], PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' },
      });
      const seen = parseLines(stdout);
      for (const [index, step] of expected.entries()) expect(seen[index]).toEqual(step);
      expect(seen).toHaveLength(expected.length);
    });
  }
});
