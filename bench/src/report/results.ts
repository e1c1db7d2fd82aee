import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Findings, Scenario } from '../harness/scenario.ts';
import { drawPicture } from './picture.ts';
import type { Machine } from './machine.ts';

/** What a run of a scenario leaves behind. */
export interface Results extends Findings {
  readonly scenario: string;
  readonly about: string;
  readonly isQuick: boolean;
  /** When it began, ISO 8601. */
  readonly date: string;
  readonly elapsedMs: number;
  readonly machine: Machine;
  readonly notes: readonly string[];
}

const root = fileURLToPath(new URL('../../../', import.meta.url));
const directory = join(root, 'bench', 'results');
/** Not in Git: what a quick run finds is for whoever ran it. */
const quickDirectory = join(root, '.cache', 'bench');

/** Writes the figures and their picture; returns where. */
export async function saveResults(results: Results): Promise<string> {
  const to = results.isQuick ? quickDirectory : directory;
  await mkdir(to, { recursive: true });
  const file = join(to, results.scenario);
  await writeFile(`${file}.json`, `${JSON.stringify(results, plainNumber, 2)}\n`);
  await writeFile(`${file}.svg`, drawPicture(results));
  return file;
}

/** The figures of these scenarios that were saved last, but for quick ones. */
export async function loadResults(scenarios: readonly Scenario[]): Promise<Results[]> {
  const texts = await Promise.all(
    scenarios.map(({ name }) => readFile(join(directory, `${name}.json`), 'utf8').catch(() => undefined)),
  );
  return texts.flatMap((text) => (text === undefined ? [] : (JSON.parse(text) as Results)));
}

/** Seven digits say more than any of these figures. */
function plainNumber(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(7)) : value;
}
