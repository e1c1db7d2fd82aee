import timers from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { drainConnections } from '../../../server/src/drain.ts';
import { FakeApp, actorOf } from '../../support/fake-services.ts';
import type { FakeClient } from '../../support/fake-services.ts';
import { range } from './changes.ts';

beforeEach(() => {
  jest.useFakeTimers();
  // Jest's clock does not reach the timers that are promises.
  jest.spyOn(timers, 'setTimeout').mockImplementation(
    (delayMs, value, options) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => resolve(value as never), delayMs);
        options?.signal?.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(new Error('aborted'));
        });
      }),
  );
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** Numbers that spread evenly and look unordered. */
function spread(): () => number {
  let i = 0;
  return () => (++i * 0.618_034) % 1;
}

function setUp(count: number) {
  const app = new FakeApp();
  const clients = range(1, count).map((i) => app.connect(actorOf(`user-${i}`)));
  const openAt: number[] = [];
  let isDone = false;
  return {
    app,
    clients,
    openAt,
    isDone: () => isDone,
    start: (timeoutMs: number): void => {
      app.lifecycle.startDraining();
      const { rooms } = app.services;
      void drainConnections({ rooms, lifecycle: app.lifecycle, timeoutMs, random: spread() }).then(() => {
        isDone = true;
      });
    },
    /** Lets time pass in small steps and notes how many were open at each. */
    pass: async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 10) {
        await jest.advanceTimersByTimeAsync(10);
        openAt.push(clients.filter(isOpen).length);
      }
    },
  };
}

const isOpen = ({ link }: FakeClient): boolean => link.state === 'open';

describe('draining', () => {
  test('tells every client at once, each with a moment of its own to come back', () => {
    const { clients, start } = setUp(50);
    start(10_000);
    const pauses = clients.map(({ link }) => {
      expect(link.names).toEqual(['system_status']);
      const status = link.received[0]![1] as { status: string; retry_after_ms: number };
      expect(status).toMatchObject({ status: 'draining', message: expect.any(String) });
      return status.retry_after_ms;
    });
    expect(new Set(pauses).size).toBe(50);
    for (const pause of pauses) {
      expect(pause).toBeGreaterThanOrEqual(0);
      expect(pause).toBeLessThan(5000);
      expect(Number.isInteger(pause)).toBe(true);
    }
    expect(clients.every(isOpen)).toBe(true);
  });

  test('closes no transport before what was begun is answered', async () => {
    const { app, clients, start, pass, isDone } = setUp(3);
    const endWork = app.lifecycle.beginWork();
    start(10_000);
    await pass(4000);
    expect(clients.every(isOpen)).toBe(true);
    endWork();
    await pass(100);
    expect(clients.map(({ link }) => link.state)).toEqual(Array(3).fill('transport closed'));
    expect(isDone()).toBe(true);
  });

  test('does not wait for ever for what was begun', async () => {
    const { app, clients, start, pass, isDone } = setUp(3);
    app.lifecycle.beginWork();
    start(2000);
    await pass(2000);
    expect([clients.some(isOpen), isDone()]).toEqual([false, true]);
  });

  test('closes transports in batches, within three seconds', async () => {
    const { clients, openAt, start, pass, isDone } = setUp(1000);
    start(60_000);
    await pass(6000);
    expect([clients.some(isOpen), isDone()]).toEqual([false, true]);
    const closedAtOnce = openAt.map((open, i) => (openAt[i - 1] ?? 1000) - open);
    expect(Math.max(...closedAtOnce)).toBeLessThanOrEqual(200);
    expect(closedAtOnce.filter((count) => count > 0).length).toBeGreaterThanOrEqual(8);
    expect(openAt.findIndex((open) => open === 0)).toBeLessThan(300);
  });

  test('is over at once where nobody is connected', async () => {
    const { start, pass, isDone } = setUp(0);
    start(10_000);
    await pass(10);
    expect(isDone()).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('is over at once where it may take no time', async () => {
    const { app, clients, start, pass, isDone } = setUp(30);
    app.lifecycle.beginWork();
    start(0);
    await pass(10);
    expect([clients.some(isOpen), isDone()]).toEqual([false, true]);
  });
});
