import type { Cores } from './cores.ts';

/** What a round measured, by name. */
export type Metrics = Readonly<Record<string, number>>;

/** Of two figures, which one is to be had. */
export type Better = 'less' | 'more';

/** How a figure is shown. */
export interface MetricInfo {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  readonly digits: number;
  /** Absent: less. */
  readonly better?: Better;
}

/** One opponent's turn in one case; failed where it has an error, and then it measured nothing. */
export interface Round {
  /** What was asked of the opponents, such as `10 subscriptions`. */
  readonly case: string;
  /** The opponent's title. */
  readonly opponent: string;
  /** From 1 on. */
  readonly round: number;
  readonly metrics: Metrics;
  readonly error?: string;
}

/** Something that was promised, and whether it holds. */
export interface Target {
  readonly what: string;
  readonly value: number;
  readonly comparison: 'at most' | 'at least';
  readonly limit: number;
  readonly unit: string;
  readonly digits: number;
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** One of ours. */
  readonly isOurs: boolean;
}

/** Bars of one scale. */
export interface Panel {
  readonly title: string;
  readonly better: Better;
  readonly unit: string;
  readonly digits: number;
  readonly bars: readonly Bar[];
}

/** What a scenario found out. */
export interface Findings {
  /** The first one is what ratios are made of. */
  readonly metrics: readonly MetricInfo[];
  readonly rounds: readonly Round[];
  readonly targets: readonly Target[];
  readonly panels: readonly Panel[];
}

export interface Context {
  readonly cores: Cores | undefined;
  readonly isQuick: boolean;
  /** Tells what is under way. */
  log(line: string): void;
  /** Says something that whoever reads the figures has to know; kept with them. */
  note(line: string): void;
}

export interface Scenario {
  readonly name: string;
  /** One sentence: what is asked of the servers. */
  readonly about: string;
  /** Connections without which it is pointless. */
  readonly connections: number;
  run(context: Context): Promise<Findings>;
}
