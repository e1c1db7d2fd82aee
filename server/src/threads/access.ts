import type { Thread } from '@threadwire/protocol';

/** Who makes a request, as far as rules depend on it. */
export interface Actor {
  readonly id: string;
  readonly name?: string | undefined;
  /** May stream, and send in a role other than `user`. */
  readonly agent: boolean;
  /** May do everything. */
  readonly admin: boolean;
}

/** The part of a thread that access depends on. */
export type ThreadAccess = Pick<Thread, 'members' | 'created_by'>;

/** Whether the actor may read, and write to, a thread. */
export function mayRead(thread: ThreadAccess, actor: Pick<Actor, 'id' | 'admin'>): boolean {
  return (
    actor.admin || thread.members.length === 0 || thread.created_by === actor.id || thread.members.includes(actor.id)
  );
}

/** {@link mayRead} of one thread for many actors: its members are looked up, not searched. */
export function readersOf(thread: ThreadAccess): (actor: Pick<Actor, 'id' | 'admin'>) => boolean {
  const isOpen = thread.members.length === 0;
  const named = new Set([thread.created_by, ...thread.members]);
  return (actor) => actor.admin || isOpen || named.has(actor.id);
}

/** Whether the actor may change a thread's title, members and metadata. */
export function mayChange(thread: ThreadAccess, actor: Pick<Actor, 'id' | 'admin'>): boolean {
  return actor.admin || thread.created_by === actor.id;
}
