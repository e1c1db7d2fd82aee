import type { Role } from '@threadwire/protocol';
import type { AppendOp, WriteOp } from '../thread-store.ts';

/** An append as it is stored: its metadata as JSON. */
export interface StoredAppend extends Omit<AppendOp, 'metadata'> {
  readonly metadata: string;
}

type OtherOp = Exclude<WriteOp, AppendOp>;
export type StoredOp = StoredAppend | OtherOp;

/**
 * Ops on their way to the writer: the fields of appends in one row, since a clone of flat values costs half as much as
 * one of objects; any other op in a place of its own.
 */
export type FlatOps = readonly (string | number | boolean | undefined | OtherOp)[];

const fieldsOfAppend = 11;

export function flattenOps(ops: readonly WriteOp[]): FlatOps {
  const flat: FlatOps[number][] = [];
  for (const op of ops) {
    if (op.kind === 'append') {
      const { threadId, actor, id, messageId, role, content, metadata, at } = op;
      const { id: actorId, name, admin, agent } = actor;
      flat.push(threadId, actorId, name, admin, agent, id, messageId, role, at, JSON.stringify(metadata), content);
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
    if (typeof first === 'object') {
      ops.push(first);
      continue;
    }
    ops.push({
      kind: 'append',
      threadId: first as string,
      actor: {
        id: flat[i + 1] as string,
        name: flat[i + 2] as string | undefined,
        admin: flat[i + 3] as boolean,
        agent: flat[i + 4] as boolean,
      },
      id: flat[i + 5] as string,
      messageId: flat[i + 6] as string,
      role: flat[i + 7] as Role,
      at: flat[i + 8] as number,
      metadata: flat[i + 9] as string,
      content: flat[i + 10] as string,
    });
    i += fieldsOfAppend - 1;
  }
  return ops;
}
