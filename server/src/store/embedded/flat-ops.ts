import type { Role } from '@threadwire/protocol';
import type { AppendOp, StreamTextOp, WriteOp } from '../thread-store.ts';

/** An append as it is stored: its metadata as JSON. */
export interface StoredAppend extends Omit<AppendOp, 'metadata'> {
  readonly metadata: string;
}

type OtherOp = Exclude<WriteOp, AppendOp | StreamTextOp>;
export type StoredOp = StoredAppend | StreamTextOp | OtherOp;

/**
 * Ops on their way to the writer: the fields of appends and of text in one row, since a clone of flat values costs half as
 * much as one of objects; any other op in a place of its own. What comes first tells them apart: the thread of an append,
 * the epoch of text.
 */
export type FlatOps = readonly (string | number | boolean | undefined | OtherOp)[];

type FlatAppend = readonly [
  threadId: string,
  actorId: string,
  actorName: string | undefined,
  admin: boolean,
  agent: boolean,
  id: string,
  messageId: string,
  role: Role,
  at: number,
  metadata: string,
  content: string,
];
const fieldsOfAppend = 11 satisfies FlatAppend['length'];

type FlatText = readonly [
  epoch: number,
  threadId: string,
  actorId: string,
  admin: boolean,
  agent: boolean,
  id: string,
  leaseUntil: number,
  offset: number,
  text: string,
];
const fieldsOfText = 9 satisfies FlatText['length'];

export function flattenOps(ops: readonly WriteOp[]): FlatOps {
  const flat: FlatOps[number][] = [];
  for (const op of ops) {
    if (op.kind === 'stream_text') {
      const { epoch, threadId, actor, id, leaseUntil, offset, text } = op;
      const fields: FlatText = [epoch, threadId, actor.id, actor.admin, actor.agent, id, leaseUntil, offset, text];
      flat.push(...fields);
    } else if (op.kind === 'append') {
      const { threadId, actor, id, messageId, role, content, metadata, at } = op;
      const { id: actorId, name, admin, agent } = actor;
      const stored = JSON.stringify(metadata);
      const fields: FlatAppend = [threadId, actorId, name, admin, agent, id, messageId, role, at, stored, content];
      flat.push(...fields);
    } else {
      flat.push(op);
    }
  }
  return flat;
}

export function unflattenOps(flat: FlatOps): StoredOp[] {
  const ops: StoredOp[] = [];
  for (let i = 0; i < flat.length; i++) {
    const first = flat[i]!;
    if (typeof first === 'number') {
      ops.push(toText(flat.slice(i, i + fieldsOfText) as unknown as FlatText));
      i += fieldsOfText - 1;
    } else if (typeof first === 'string') {
      ops.push(toAppend(flat.slice(i, i + fieldsOfAppend) as unknown as FlatAppend));
      i += fieldsOfAppend - 1;
    } else {
      ops.push(first as OtherOp);
    }
  }
  return ops;
}

function toAppend(fields: FlatAppend): StoredAppend {
  const [threadId, actorId, name, admin, agent, id, messageId, role, at, metadata, content] = fields;
  const actor = { id: actorId, name, admin, agent };
  return { kind: 'append', threadId, actor, id, messageId, role, at, metadata, content };
}

function toText([epoch, threadId, actorId, admin, agent, id, leaseUntil, offset, text]: FlatText): StreamTextOp {
  return { kind: 'stream_text', threadId, actor: { id: actorId, admin, agent }, id, epoch, offset, text, leaseUntil };
}
