import type { Scenario } from '../harness/scenario.ts';
import { connect } from './connect.ts';
import { fanoutMany } from './fanout-many.ts';
import { fanout } from './fanout.ts';
import { growth } from './growth.ts';
import { idle } from './idle.ts';
import { paced } from './paced.ts';
import { send } from './send.ts';
import { storm } from './storm.ts';
import { streams } from './streams.ts';

/** All of them, in the order in which they run. */
export const scenarios: readonly Scenario[] = [fanout, fanoutMany, paced, send, streams, idle, connect, storm, growth];
