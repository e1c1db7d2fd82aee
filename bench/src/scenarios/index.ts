import type { Scenario } from '../harness/scenario.ts';
import { besieged } from './besieged.ts';
import { connect } from './connect.ts';
import { fanoutMany } from './fanout-many.ts';
import { fanout } from './fanout.ts';
import { growth } from './growth.ts';
import { idle } from './idle.ts';
import { paced } from './paced.ts';
import { send } from './send.ts';
import { storm } from './storm.ts';
import { streams } from './streams.ts';
import { watched } from './watched.ts';

/** All of them, in the order in which they run. */
export const scenarios: readonly Scenario[] = [
  fanout,
  fanoutMany,
  paced,
  send,
  streams,
  watched,
  besieged,
  idle,
  connect,
  storm,
  growth,
];
