import type { Link } from '../connection/link.ts';
import type { ConsolePayload } from '../connection/protocol.ts';
import type { Question } from '../dialog/confirm.tsx';
import { counted } from '../format/number.ts';
import { visibleText } from '../format/visible-text.ts';
import type { KnownNode } from '../nodes/node-history.ts';

const announced = { ok: 'ok again', degraded: 'degraded', maintenance: 'under maintenance' } as const;

/** Asks whether everybody is to be told something. */
export function announceQuestion(
  link: Link,
  { status, message }: ConsolePayload<'announce'>,
  onDone: () => void,
): Question {
  return {
    title: 'Tell everybody?',
    describe: async () => {
      const { total } = await link.request('connections', { limit: 1 });
      return (
        <>
          <p>
            {counted(total, 'connection')} {total === 1 ? 'is' : 'are'} told that the system is{' '}
            <strong>{announced[status]}</strong>
            {message === undefined ? ', without a message.' : ', with this message:'}
          </p>
          {message !== undefined && <blockquote className="quote">{visibleText(message)}</blockquote>}
          <p className="hint">Who connects later is not told. It cannot be taken back, only followed by another.</p>
        </>
      );
    },
    action: 'Tell everybody',
    isHarmful: true,
    run: async () => {
      const { connections } = await link.request('announce', { status, ...(message !== undefined && { message }) });
      onDone();
      return `${counted(connections, 'connection')} told.`;
    },
  };
}

/** Asks whether the node that this page is connected to is to be drained. */
export function drainQuestion(link: Link, nodes: readonly KnownNode[]): Question {
  return {
    title: 'Drain this node?',
    describe: async () => {
      const { total } = await link.request('connections', { limit: 1 });
      const { running } = await link.request('streams', {});
      const others = nodes.length - 1;
      return (
        <>
          <p>
            The node takes no new connections. {counted(total, 'connection')} {total === 1 ? 'is' : 'are'} told to
            connect elsewhere and closed by and by, {counted(running.length, 'running stream')}{' '}
            {running.length === 1 ? 'has' : 'have'} to be taken up elsewhere within the lease, and then{' '}
            <strong>the process ends</strong>. This page loses its connection with it.
          </p>
          <p className="note" data-tone={others > 0 ? 'warn' : 'bad'}>
            {others > 0
              ? `${counted(others, 'other node')} will take what this one had.`
              : 'It is the only node that this page knows: nobody is served until something starts it again.'}
          </p>
        </>
      );
    },
    action: 'Drain this node',
    isHarmful: true,
    run: async () => {
      await link.request('drain', {});
      return 'The node drains, and ends then.';
    },
  };
}
