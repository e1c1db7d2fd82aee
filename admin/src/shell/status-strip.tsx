import type { ReactElement } from 'react';
import { useLink, useLinkState } from '../connection/link-context.ts';
import type { OperatorSession } from '../connection/use-session.ts';
import { formatAge } from '../format/duration.ts';
import { counted } from '../format/number.ts';
import { useNow } from '../format/use-now.ts';
import { alarmsOf } from '../nodes/alarms.ts';
import type { Alarm } from '../nodes/alarms.ts';
import { useNodeHistory } from '../nodes/use-node-history.ts';
import { useVisible } from '../polling/use-visible.ts';
import { Badge } from '../ui/badge.tsx';

const sessionWarningMs = 5 * 60_000;

/** Whether all is well, in one line that is always there; what is wrong is also read out. */
export function StatusStrip({ session }: { readonly session: OperatorSession | undefined }): ReactElement {
  const link = useLink();
  const state = useLinkState();
  const history = useNodeHistory();
  const isVisible = useVisible();
  const now = useNow();
  const alarms = [...alarmsOf({ link: state, offlineSince: link.offlineSince, history, isVisible, now })];
  const leftMs = session ? Date.parse(session.expires_at) - now : Infinity;
  if (leftMs < sessionWarningMs) {
    alarms.push({
      tone: 'warn',
      text: `You will be logged out in less than ${Math.max(1, Math.ceil(leftMs / 60_000))} min`,
    });
  }
  const there = history.nodes.filter(({ isThere }) => isThere);
  const last = there.flatMap(({ samples }) => samples.at(-1) ?? []);
  const connections = last.reduce((sum, sample) => sum + sample.connections, 0);
  const streams = last.reduce((sum, sample) => sum + sample.streams, 0);

  return (
    <div className="strip" data-tone={alarms[0]?.tone ?? (state === 'connecting' ? 'quiet' : 'good')}>
      <div className="strip-alarms">
        <div role="alert" className="strip-group">
          <AlarmBadges alarms={alarms.filter(({ tone }) => tone === 'bad')} />
        </div>
        <div role="status" className="strip-group" data-testid="status">
          {alarms.length === 0 && (state === 'connecting' || last.length === 0) && (
            <Badge tone="quiet">Connecting…</Badge>
          )}
          {alarms.length === 0 && state === 'online' && last.length > 0 && <Badge tone="good">All well</Badge>}
          <AlarmBadges alarms={alarms.filter(({ tone }) => tone === 'warn')} />
        </div>
      </div>
      {last.length > 0 && (
        <p className="strip-facts">
          <span>{counted(there.length, 'node')}</span>
          <span>{counted(connections, 'connection')}</span>
          <span>{counted(streams, 'stream')}</span>
          <span className="strip-age" title="Since the last sample came">
            {history.newsAt === undefined ? '' : `${formatAge(now - history.newsAt)} ago`}
          </span>
        </p>
      )}
    </div>
  );
}

function AlarmBadges({ alarms }: { readonly alarms: readonly Alarm[] }): ReactElement {
  return (
    <>
      {alarms.map(({ tone, text }) => (
        <Badge key={text} tone={tone}>
          {text}
        </Badge>
      ))}
    </>
  );
}
