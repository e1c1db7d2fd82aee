import { randomUUID } from 'node:crypto';
import type { Thread } from '@threadwire/protocol';
import { KeyedQueue } from '../../keyed-queue.ts';
import { decideThreadUpdate, threadExists } from '../rules.ts';
import type { CreateThread, Refusal, UpdateThread } from '../thread-store.ts';
import type { Activity } from './activity.ts';
import { bounded } from './connect.ts';
import type { Collections } from './connect.ts';
import { noHead, toThread } from './documents.ts';
import type { ThreadDocument } from './documents.ts';
import { duplicateKey } from './errors.ts';
import { readThreads } from './read-threads.ts';
import { Retries } from './retries.ts';

/** Creates and updates thread documents. */
export class ThreadChanges {
  readonly #collections: Collections;
  readonly #activity: Activity;
  readonly #random: () => number;
  /** Updates of a thread from here: by the pool's many connections they would overtake each other. */
  readonly #updates = new KeyedQueue();

  constructor(collections: Collections, activity: Activity, random: () => number) {
    this.#collections = collections;
    this.#activity = activity;
    this.#random = random;
  }

  async create(request: CreateThread): Promise<{ ok: true; thread: Thread; created: boolean } | Refusal> {
    const at = new Date(request.at);
    const members = [...new Set(request.members)];
    const document: ThreadDocument = {
      _id: request.id,
      title: request.title,
      members,
      open: members.length === 0,
      metadata: JSON.stringify(request.metadata),
      created_by: request.actor.id,
      created_at: at,
      changed_at: at,
      active_at: at,
      version: randomUUID(),
    };
    const retries = new Retries(this.#random);
    for (;;) {
      try {
        await this.#collections.native.threads.insertOne(document, bounded);
        this.#activity.note(request.id, request.at);
        return { ok: true, thread: toThread(document, noHead), created: true };
      } catch (error) {
        if (!duplicateKey(error)) throw error;
      }
      const thread = (await readThreads(this.#collections, [request.id])).get(request.id);
      if (thread) {
        if (thread.created_by !== request.actor.id) return threadExists(request.id);
        // Ours after all, where the driver sent it twice because the first answer was lost.
        const created = (await this.#version(request.id)) === document.version;
        return { ok: true, thread, created };
      }
      // There, but not yet durable.
      await retries.pause();
    }
  }

  async update(
    request: UpdateThread,
  ): Promise<{ ok: true; thread: Thread; before: Thread; changed: boolean } | Refusal> {
    // Waiting counts: where the server is away, those behind do not each try for as long again.
    const retries = new Retries(this.#random);
    const release = await this.#updates.acquire([request.threadId]);
    try {
      retries.check();
      return await this.#update(request, retries);
    } finally {
      release();
    }
  }

  async #update(
    request: UpdateThread,
    retries: Retries,
  ): Promise<{ ok: true; thread: Thread; before: Thread; changed: boolean } | Refusal> {
    const { threadId } = request;
    const version = randomUUID();
    for (;;) {
      // First the version: if the thread changes before it is read below, the write finds out.
      const versionRead = await this.#version(threadId);
      const before = (await readThreads(this.#collections, [threadId])).get(threadId);
      const decision = decideThreadUpdate(before, request);
      if (decision.do === 'refuse') return decision.refusal;
      if (decision.do === 'nothing') return { ok: true, thread: before!, before: before!, changed: false };
      const { title, members, metadata } = decision.fields;
      const updated = new Date(Math.max(request.at, Date.parse(before!.updated_at)));
      const { matchedCount } = await this.#collections.threads.updateOne(
        { _id: threadId, version: versionRead! },
        {
          $set: { title, members, open: members.length === 0, metadata: JSON.stringify(metadata), version },
          $max: { changed_at: updated, active_at: updated },
        },
        bounded,
      );
      if (matchedCount === 1) {
        this.#activity.note(threadId, updated.getTime());
        const thread = { ...before!, title, members, metadata, updated_at: updated.toISOString() };
        return { ok: true, thread, before: before!, changed: true };
      }
      await retries.pause();
    }
  }

  async #version(threadId: string): Promise<string | undefined> {
    const found = await this.#collections.threads
      .findOne({ _id: threadId }, { version: 1 }, bounded)
      .lean<Pick<ThreadDocument, 'version'>>();
    return found?.version;
  }
}
