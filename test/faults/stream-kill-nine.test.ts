import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { runnableBackEnds } from '../support/back-ends.ts';
import type { BackEnd } from '../support/back-ends.ts';
import { connectClient, readThread } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { ownDatabase } from '../support/mongodb-back-end.ts';
import { makeTempDir, startServer } from '../support/process.ts';
import type { ServerProcess } from '../support/process.ts';
import { StreamReader } from '../support/stream-reader.ts';

const threadId = 'killed';
/** A server that was killed is back before it is over. */
const leaseMs = 8000;
/** How much later than that a stream may be seen to have ended. */
const slackMs = 3000;
const kills: { [B in BackEnd['name']]: number } = { embedded: 20, mongodb: 5 };

/** One streamed reply, as its producer knows it. */
class Reply {
  readonly messageId: string;
  readonly text: string;
  streamId = '';
  acknowledged = 0;
  sent = 0;

  constructor(messageId: string) {
    this.messageId = messageId;
    const words = ['word', 'größer', '文字', '😀😃', 'a'];
    this.text = Array.from({ length: 3000 }, () => words[randomInt(words.length)]!).join(' ');
  }

  /** Begins, or goes on; resolves with where. */
  async start(client: TestClient): Promise<{ offset: number; message: Message; resumed: boolean }> {
    const answer = await client.call('stream_start', { thread_id: threadId, message_id: this.messageId }, 15_000);
    this.streamId = answer.message.id;
    this.sent = answer.offset;
    return answer;
  }

  /** Sends piece after piece, without waiting for answers, until the connection ends. */
  async pour(client: TestClient, onAck: () => void): Promise<void> {
    while (client.socket.connected && this.sent < this.text.length) {
      const delta = this.text.slice(this.sent, this.sent + randomInt(1, 30));
      client.request('stream_chunk', { stream_id: this.streamId, offset: this.sent, delta }).then(
        (answer) => {
          if (!answer.ok) throw new Error(JSON.stringify(answer.error));
          this.acknowledged = Math.max(this.acknowledged, answer.data.offset);
          onAck();
        },
        () => undefined,
      );
      this.sent += delta.length;
      await delay(1);
    }
  }

  /** Sends the rest in one piece, and ends. */
  async finish(client: TestClient): Promise<Message> {
    const stream_id = this.streamId;
    const delta = this.text.slice(this.sent);
    await client.call('stream_chunk', { stream_id, offset: this.sent, delta });
    const end = { stream_id, offset: this.text.length, status: 'complete' } as const;
    return (await client.call('stream_end', end)).message;
  }
}

describe.each(runnableBackEnds)('kill -9 of the service in the middle of streams, on the $name store', ({ name }) => {
  test('each goes on where its producer comes back, and is interrupted where it does not; no text is lost, or taken back', async () => {
    await using dir = await makeTempDir();
    await using database = name === 'mongodb' ? ownDatabase() : undefined;
    const start = (): Promise<ServerProcess> =>
      startServer({
        dataDir: dir.path,
        env: {
          RATE_LIMIT_PER_SECOND: '0',
          STREAM_LEASE_MS: `${leaseMs}`,
          ...(database && { MONGODB_URI: database.uri }),
        },
      });
    const reader = new StreamReader(threadId);
    const follow = async (url: string): Promise<TestClient> => {
      const client = await connectClient(url, { user: 'reader', tap: reader.tap });
      const after = reader.seq === undefined ? {} : { after_seq: reader.seq };
      await client.call('subscribe_thread', { thread_id: threadId, ...after }, 15_000);
      return client;
    };
    /** What the reader was sent of it. */
    const read = ({ streamId }: Reply): string => reader.streams.get(streamId)?.text ?? '';
    /** Their producers do not come back. */
    const abandoned: Reply[] = [];
    let resumable: Reply[] = [];
    let inMiddle = 0;
    let killedAt = 0;

    for (let kill = 0; kill < kills[name]; kill += 1) {
      await using server = await start();
      await using bot = await connectClient(server.url, { user: 'bot' });
      if (kill === 0) await bot.call('create_thread', { id: threadId });
      await resumeAll(bot, resumable, read);
      await using follower = await follow(server.url);

      resumable = [new Reply(`first-${kill}`), new Reply(`second-${kill}`)];
      // Not each time: a thread has at most 8 streams, and those that are left keep their place until their lease is over.
      const left = kill % 5 === 0 ? [new Reply(`left-${kill}`)] : [];
      const replies = [...resumable, ...left];
      for (const reply of replies) await reply.start(bot);
      let acks = randomInt(1, 80);
      await new Promise<void>((resolve) => {
        const onAck = (): void => {
          acks -= 1;
          if (acks === 0) void server.kill('SIGKILL').then(() => resolve());
        };
        for (const reply of replies) void reply.pour(bot, onAck);
      });
      await Promise.all([bot.disconnected(), follower.disconnected()]);
      inMiddle += replies.filter(({ acknowledged, sent }) => acknowledged > 0 && acknowledged < sent).length;
      killedAt = performance.now();
      abandoned.push(...left);
    }

    await using server = await start();
    await using bot = await connectClient(server.url, { user: 'bot' });
    await resumeAll(bot, resumable, read);
    await using follower = await follow(server.url);
    let messages: Message[] = [];
    await eventually(
      'every stream has ended',
      async () => {
        messages = await readThread(bot, threadId);
        return messages.every(({ status }) => status !== 'streaming');
      },
      killedAt + leaseMs + slackMs - performance.now(),
    );
    for (const reply of abandoned) {
      const message = messages.find(({ id }) => id === reply.streamId)!;
      expect(message.status).toBe('interrupted');
      expect(message.content.length).toBeGreaterThanOrEqual(reply.acknowledged);
      expect(reply.text.startsWith(message.content)).toBe(true);
    }
    expect(messages.filter(({ status }) => status === 'complete')).toHaveLength(2 * kills[name]);
    // Each took two seqs, and nothing else took one.
    const head = 2 * (2 * kills[name] + abandoned.length);
    expect(Math.max(...messages.map(({ seq }) => seq))).toBe(head);
    await eventually('the reader has heard of it', () => reader.seq === head);
    expect(follower.buffered.filter(({ event }) => event === 'error')).toEqual([]);
    expect(reader.faults).toEqual([]);
    for (const { id, content, status } of messages)
      expect(reader.streams.get(id)).toMatchObject({ text: content, status });
    // Else nothing of this was in the middle of anything.
    expect(inMiddle).toBeGreaterThan(kills[name]);
  }, 120_000);
});

/** Each goes on where the server says, to exactly the text that was meant. */
async function resumeAll(bot: TestClient, replies: readonly Reply[], read: (reply: Reply) => string): Promise<void> {
  const resumed = await Promise.all(
    replies.map(async (reply) => {
      const mostSent = reply.sent;
      return { reply, mostSent, ...(await reply.start(bot)) };
    }),
  );
  for (const { reply, mostSent, offset, message, resumed: isResumed } of resumed) {
    expect({ isResumed, status: message.status }).toEqual({ isResumed: true, status: 'streaming' });
    expect(offset).toBeGreaterThanOrEqual(reply.acknowledged);
    expect(offset).toBeLessThanOrEqual(mostSent);
    expect(message.content).toBe(reply.text.slice(0, offset));
    // What a reader was sent had been stored.
    expect(message.content.startsWith(read(reply))).toBe(true);
    expect(await reply.finish(bot)).toMatchObject({ status: 'complete', content: reply.text });
  }
}
