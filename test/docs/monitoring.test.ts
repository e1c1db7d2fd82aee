import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { clientEventNames, errorCodes, httpRoutes } from '@threadwire/protocol';
import { parse } from 'yaml';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { readPromql } from '../support/promql.ts';
import type { Expression } from '../support/promql.ts';
import { scrape } from '../support/scrape.ts';
import { UpgradeRefused, connectWire } from '../support/wire-client.ts';

const root = join(__dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly {
    readonly expr: string;
    readonly legendFormat: string;
    readonly refId: string;
    readonly datasource: { readonly uid: string };
  }[];
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly panels: readonly Panel[];
}

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const dashboard = JSON.parse(read('docs/monitoring/grafana-dashboard.json')) as Dashboard;
const charts = dashboard.panels.filter(({ type }) => type !== 'row');
const { groups } = parse(read('docs/monitoring/alerts.yml')) as { groups: { name: string; rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);

/** What a metric family says of itself. */
interface Family {
  readonly type: string;
  /** Its labels and their values, without `le`. */
  readonly labels: Map<string, Set<string>>;
}

/** What every sample has that Prometheus took from a target. */
const ofTheTarget = ['instance', 'job'];
/** Not read from anybody: Prometheus makes them. */
const ofPrometheus = new Set(['up']);
/** Of these Node knows nothing elsewhere. */
const onlyOnLinux = new Set(['process_open_fds', 'process_max_fds']);

/** The labels of which not every value is there from the start, with all that there may be. */
const open: Readonly<Record<string, readonly string[]>> = {
  event: [
    ...clientEventNames,
    ...httpRoutes.map(({ event }) => `http ${event}`),
    'unknown',
    'http unknown',
    'connect',
    'handshake',
  ],
  outcome: ['ok', ...errorCodes],
};

let app: App;
/** By name. */
let families: Map<string, Family>;
/** The values of `le`, by sample. */
const bounds = new Map<string, Set<string>>();

beforeAll(async () => {
  app = await startApp();
  await using client = await connectClient(app.url);
  await client.request('fetch_history', { thread_id: 'none' });
  await expect(connectWire(app.url, { path: '/elsewhere' })).rejects.toThrow(UpgradeRefused);
  await eventually('garbage was collected', async () =>
    (await scrape(app)).text.includes('nodejs_gc_duration_seconds_sum'),
  );
  const { text } = await scrape(app);
  families = familiesIn(text);
  for (const [, name, le] of text.matchAll(/^(\w+_bucket)\{le="([^"]+)"/gm)) {
    bounds.set(name!, (bounds.get(name!) ?? new Set()).add(le!));
  }
});
afterAll(async () => app[Symbol.asyncDispose]());

function familiesIn(text: string): Map<string, Family> {
  const found = new Map<string, Family>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    found.set(name!, { type: type!, labels: new Map() });
  }
  for (const [, sample, labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const family = found.get(sample!) ?? found.get(sample!.replace(/_(bucket|sum|count)$/, ''));
    if (!family) throw new Error(`${sample} belongs to nothing`);
    for (const [, label, value] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      if (label === 'le') continue;
      const values = family.labels.get(label!) ?? new Set();
      family.labels.set(label!, values.add(value!));
    }
  }
  return found;
}

/** The family of a sample, and which labels the sample has. */
function lookUp(sample: string): { family: Family; labels: readonly string[] } | undefined {
  const base = sample.replace(/_(bucket|sum|count)$/, '');
  const isPart = families.get(base)?.type === 'histogram';
  // Of a histogram there are only its parts.
  const family = isPart && base !== sample ? families.get(base) : families.get(sample);
  if (!family || (family.type === 'histogram' && base === sample)) return undefined;
  const own = sample.endsWith('_bucket') ? ['le', ...family.labels.keys()] : [...family.labels.keys()];
  return { family, labels: [...own, ...ofTheTarget] };
}

/** What is wrong with an expression: names, labels and values that no server has. */
function faultsOf({ selectors, groupings }: Expression): string[] {
  const faults: string[] = [];
  const labelsOf = (name: string): readonly string[] =>
    ofPrometheus.has(name) ? ofTheTarget : (lookUp(name)?.labels ?? []);
  for (const { name, matchers } of selectors) {
    if (!ofPrometheus.has(name) && !lookUp(name) && !(onlyOnLinux.has(name) && process.platform !== 'linux')) {
      faults.push(`there is no ${name}`);
      continue;
    }
    for (const { label, operator, value } of matchers) {
      if (!labelsOf(name).includes(label)) faults.push(`${name} has no label ${label}`);
      else if (!ofTheTarget.includes(label)) faults.push(...valueFaults(name, label, operator, value));
    }
  }
  for (const { labels, selectors: within } of groupings) {
    for (const label of labels) {
      for (const { name } of within) if (!labelsOf(name).includes(label)) faults.push(`${name} has no label ${label}`);
    }
  }
  return faults;
}

function valueFaults(name: string, label: string, operator: string, value: string): string[] {
  const { family } = lookUp(name)!;
  const given = operator.endsWith('~') ? value.split('|') : [value];
  const isKnown = (each: string): boolean => {
    if (label === 'le') return bounds.get(name)?.has(each) ?? false;
    if (family.labels.get(label)?.has(each)) return true;
    return name === 'threadwire_requests_total' && (open[label]?.includes(each) ?? false);
  };
  return given.filter((each) => !isKnown(each)).map((each) => `${name} has no ${label}="${each}"`);
}

/** As Grafana sends it. */
function withVariables(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m');
}

const ours = (): string[] => [...families.keys()].filter((name) => name.startsWith('threadwire_'));

describe('the check itself', () => {
  test.each([
    ['threadwire_nothing', ['there is no threadwire_nothing']],
    ['rate(threadwire_commit_seconds[5m])', ['there is no threadwire_commit_seconds']],
    ['threadwire_connections{state="active"}', ['threadwire_connections has no label state']],
    ['threadwire_streams{state="asleep"}', ['threadwire_streams has no state="asleep"']],
    ['threadwire_streams{state=~"active|asleep"}', ['threadwire_streams has no state="asleep"']],
    ['threadwire_requests_total{outcome!="fine"}', ['threadwire_requests_total has no outcome="fine"']],
    ['threadwire_commit_seconds_bucket{le="3"}', ['threadwire_commit_seconds_bucket has no le="3"']],
    ['sum by (colour) (threadwire_streams)', ['threadwire_streams has no label colour']],
    ['threadwire_streams / on (state) threadwire_connections', ['threadwire_connections has no label state']],
    ['sum by (state) (threadwire_streams{state=~"active|waiting",instance="a:1"}) > 1', []],
    ['threadwire_requests_total{event="http send_message",outcome="internal"}', []],
    ['threadwire_commit_seconds_bucket{le="0.25",job="threadwire"} > 1', []],
  ])('finds what is wrong with %s', (expr, faults) => expect(faultsOf(readPromql(expr))).toEqual(faults));

  test('finds what is no PromQL', () => expect(() => readPromql('sum(rate(x[5m])')).toThrow('no PromQL'));

  test('knows every value of the labels of requests that a server has', () => {
    for (const [label, values] of families.get('threadwire_requests_total')!.labels) {
      expect(values.size).toBeGreaterThan(1);
      expect(open[label]).toEqual(expect.arrayContaining([...values]));
    }
  });
});

describe('the dashboard', () => {
  const targets = charts.flatMap(({ title, targets: own }) => own!.map((target) => ({ title, ...target })));

  test.each(targets.map(({ title, refId, expr }) => [title, refId, expr]))(
    'asks in "%s" (%s) only for what servers have',
    (_title, _refId, expr) => expect(faultsOf(readPromql(withVariables(expr)))).toEqual([]),
  );

  test('shows every metric of ours', () => {
    const shown = new Set(
      targets.flatMap(({ expr }) => readPromql(withVariables(expr)).selectors.map(({ name }) => name)),
    );
    const missing = ours().filter(
      (name) => !shown.has(name) && ![...shown].some((each) => each.replace(/_(bucket|sum|count)$/, '') === name),
    );
    expect(missing).toEqual([]);
  });

  test('asks only the nodes that were chosen, of the data source that was chosen', () => {
    for (const { expr, datasource } of targets) {
      expect(datasource.uid).toBe('${datasource}');
      for (const { matchers } of readPromql(withVariables(expr)).selectors) {
        expect(matchers).toContainEqual({ label: 'instance', operator: '=~', value: '$instance' });
      }
    }
    const variables = dashboard.templating.list;
    expect(variables.map(({ name }) => name)).toEqual(['datasource', 'instance']);
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(variables[1]!.definition!)!;
    expect([lookUp(metric!) !== undefined, label]).toEqual([true, 'instance']);
  });

  test('names in its legends only labels that there are then', () => {
    for (const { expr, legendFormat } of targets) {
      const { groupings, selectors } = readPromql(withVariables(expr));
      const left = groupings[0]?.labels ?? lookUp(selectors[0]!.name)!.labels;
      const named = [...legendFormat.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(([, label]) => label!);
      expect({ expr, named: named.filter((label) => !left.includes(label)) }).toEqual({ expr, named: [] });
    }
  });

  test('gives every panel a title, a unit and a place of its own', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const taken = new Set<string>();
    for (const { title, type, gridPos, fieldConfig } of dashboard.panels) {
      expect(title).not.toBe('');
      if (type !== 'row') expect(fieldConfig!.defaults.unit).toMatch(/^\w+$/);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        expect(x).toBeLessThan(24);
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken).not.toContain(`${x} ${y}`);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });
});

describe('the alerts', () => {
  test.each(alerts.map(({ alert, expr }) => [alert, expr]))('%s asks only for what servers have', (_alert, expr) => {
    expect(faultsOf(readPromql(expr))).toEqual([]);
  });

  test('have names of their own, a severity, and say what to do', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, labels, annotations, for: held = '0s' } of alerts) {
      expect(alert).toMatch(/^Threadwire[A-Z]\w+$/);
      expect(['critical', 'warning']).toContain(labels.severity);
      expect(held).toMatch(/^\d+[smh]$/);
      expect(annotations.summary.length).toBeGreaterThan(20);
      expect(annotations.description.length).toBeGreaterThan(80);
    }
  });

  test('speak of a node only where their expression keeps it', () => {
    for (const { alert, expr, annotations } of alerts) {
      const labels = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label);
      const { groupings } = readPromql(expr);
      const isLost = expr.startsWith('absent(') || groupings.some((grouping) => !grouping.labels.includes('instance'));
      expect({ alert, isLost, labels: [...new Set(labels)] }).toEqual({
        alert,
        isLost,
        labels: isLost ? [] : ['instance'],
      });
    }
  });

  test('ask for processes of ours only', () => {
    for (const { expr } of alerts) {
      for (const { name, matchers } of readPromql(expr).selectors) {
        if (name.startsWith('threadwire_')) continue;
        expect(matchers).toContainEqual({ label: 'job', operator: '=', value: 'threadwire' });
      }
    }
  });

  test('quote what the server logs, and name settings that there are', () => {
    const sources = readdirSync(join(root, 'server/src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => read(join('server/src', path)))
      .join('\n');
    const settings = read('docs/OPERATIONS.md');
    let checked = 0;
    for (const { annotations } of alerts) {
      const text = `${annotations.summary} ${annotations.description}`;
      for (const [, quoted] of text.matchAll(/"([^"]+)"/g)) expect(sources).toContain(`'${quoted}'`);
      for (const [name] of text.matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g)) expect(settings).toContain(`| \`${name}\` `);
      checked += 1;
    }
    expect(checked).toBe(alerts.length);
  });

  test('are there for what operators have to hear of', () => {
    const asked = new Set(alerts.flatMap(({ expr }) => readPromql(expr).selectors.map(({ name }) => name)));
    for (const name of [
      'up',
      'threadwire_store_up',
      'threadwire_loop_delay_seconds_bucket',
      'threadwire_refusals_total',
      'threadwire_slow_consumers_total',
      'threadwire_commit_seconds_bucket',
      'threadwire_send_to_ack_seconds_bucket',
      'threadwire_streams_ended_total',
      'threadwire_buffered_bytes',
      'process_resident_memory_bytes',
    ]) {
      expect(asked).toContain(name);
    }
  });
});

test('OPERATIONS.md has every metric of ours, with its type and its labels', () => {
  const [, section] = read('docs/OPERATIONS.md').split(/^## Metrics$/m);
  const rows = [...section!.split(/^## /m)[0]!.matchAll(/^\| `(threadwire_\w+)` +\| (\w+) +\| (.*?) *\| .+ \|$/gm)];
  const told = rows.map(([, name, type, labels]) => ({ name, type, labels: labels!.match(/\w+/g) ?? [] }));
  const exposed = ours().map((name) => {
    const { type, labels } = families.get(name)!;
    return { name, type, labels: [...labels.keys()] };
  });
  const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }): number =>
    a.name!.localeCompare(b.name!, 'en');
  expect(told.toSorted(byName)).toEqual(exposed.toSorted(byName));
});
