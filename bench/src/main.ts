import { parseArgs } from 'node:util';
import { pinLoad } from './harness/cores.ts';
import type { Cores } from './harness/cores.ts';
import { descriptorShortage } from './harness/descriptors.ts';
import { noiseNotes } from './harness/noise.ts';
import type { Scenario } from './harness/scenario.ts';
import { describeMachine, machineLine } from './report/machine.ts';
import { toMarkdown } from './report/markdown.ts';
import { loadResults, saveResults } from './report/results.ts';
import type { Results } from './report/results.ts';
import { figureTables, isMet, plainTable, targetRows } from './report/table.ts';
import { scenarios } from './scenarios/index.ts';

const usage = `usage: npm run bench -- [NAME…] [--quick]   runs all scenarios, or these
       npm run bench -- --table             prints the saved figures as Markdown
names:
${scenarios.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}`;

interface Arguments {
  readonly chosen: readonly Scenario[];
  readonly isQuick: boolean;
  readonly isTable: boolean;
}

/** Undefined where they say nothing that we know. */
function readArguments(): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: { quick: { type: 'boolean', default: false }, table: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name));
    if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}`);
    const chosen = scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
    return { chosen, isQuick: values.quick, isTable: values.table };
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    return undefined;
  }
}

async function runScenario(scenario: Scenario, isQuick: boolean, cores: Cores | undefined): Promise<Results> {
  const machine = describeMachine(cores);
  const date = new Date().toISOString();
  const notes: string[] = [];
  const beganAt = performance.now();
  console.log(`\n${scenario.name}: ${scenario.about}`);
  const shortage = descriptorShortage(scenario.connections);
  if (shortage !== undefined) throw new Error(shortage);
  const findings = await scenario.run({
    cores,
    isQuick,
    log: (line) => console.log(line),
    note: (line) => notes.push(line),
  });
  const { name, about } = scenario;
  notes.push(...noiseNotes(findings.rounds));
  const elapsedMs = performance.now() - beganAt;
  return { scenario: name, about, isQuick, date, elapsedMs, machine, notes, ...findings };
}

function print(results: Results, file: string): void {
  for (const rows of figureTables(results)) console.log(`\n${plainTable(rows)}\n`);
  if (results.targets.length > 0) console.log(`${plainTable(targetRows(results.targets))}\n`);
  for (const note of results.notes) console.log(`  note: ${note}`);
  console.log(`  ${(results.elapsedMs / 1000).toFixed(0)} s; ${file}.json and .svg`);
}

async function runAll({ chosen, isQuick }: Arguments): Promise<boolean> {
  const cores = pinLoad();
  console.log(machineLine(describeMachine(cores)));
  const all: Results[] = [];
  const beganAt = performance.now();
  let broken = 0;
  for (const scenario of chosen) {
    try {
      const results = await runScenario(scenario, isQuick, cores);
      print(results, await saveResults(results));
      all.push(results);
    } catch (error) {
      broken += 1;
      console.error(`  FAILED: ${(error as Error).message}`);
    }
  }
  const targets = all.flatMap((results) => results.targets);
  const failures = all.flatMap(({ rounds }) => rounds).filter(({ error }) => error !== undefined);
  console.log(
    `\n${((performance.now() - beganAt) / 1000).toFixed(0)} s; ${targets.filter(isMet).length} of ${targets.length} ` +
      `targets met; ${failures.length} rounds failed${broken > 0 ? `; ${broken} scenarios failed` : ''}`,
  );
  return failures.length + broken === 0;
}

const args = readArguments();
if (!args) {
  process.exitCode = 1;
} else if (args.isTable) {
  console.log((await loadResults(args.chosen)).map(toMarkdown).join('\n\n'));
} else if (!(await runAll(args))) {
  process.exitCode = 1;
}
