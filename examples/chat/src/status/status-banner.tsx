import { useThreadwire } from '@threadwire/client/react';
import type { ReactElement } from 'react';
import { useLasting } from '../hooks/use-lasting.ts';
import { useSession } from '../session/session-context.ts';
import { Icon } from '../ui/icon.tsx';
import { useConnectionHealth } from './use-connection-health.ts';
import type { ConnectionHealth } from './use-connection-health.ts';
import { useSystemStatus } from './use-system-status.ts';
import type { SystemStatus } from './use-system-status.ts';

/** Breaks shorter than this are nobody's business. */
const quietMs = 1500;

interface Notice {
  readonly tone: 'warning' | 'danger';
  readonly title: string;
  readonly text: string;
}

/** Says what is wrong with the connection or the server, and what that means for what one writes. */
export function StatusBanner(): ReactElement {
  const health = useConnectionHealth();
  const system = useSystemStatus();
  const { store } = useSession();
  const client = useThreadwire();
  const isAway = health.state !== 'connected' && health.state !== 'closed';
  const hasBeenAway = useLasting(isAway, quietMs);
  const notice = health.state === 'closed' || hasBeenAway ? connectionNotice(health) : system && systemNotice(system);
  // Always there: a live region that comes with its text is not read out.
  return (
    <div className="banner-region" role="status">
      {notice && (
        <div className="banner" data-tone={notice.tone} data-testid="banner">
          <Icon name="alert" />
          <p className="banner-text">
            <strong>{notice.title}</strong> {notice.text}
          </p>
          {health.state === 'reconnecting' && (
            <button type="button" className="button" onClick={() => client.reconnect()}>
              Try now
            </button>
          )}
          {health.state === 'closed' && (
            <button type="button" className="button" onClick={store.reopen}>
              Reconnect
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function connectionNotice({ state, error }: ConnectionHealth): Notice {
  const willWait = 'What you write is kept in this window and sent as soon as the connection is back.';
  switch (state) {
    case 'closed':
      return { tone: 'danger', title: 'Disconnected.', text: error?.message ?? 'The connection was closed.' };
    case 'offline':
      return { tone: 'warning', title: 'You are offline.', text: willWait };
    case 'connecting':
      return { tone: 'warning', title: 'Still connecting…', text: willWait };
    case 'connected':
    case 'reconnecting':
      return { tone: 'warning', title: 'Connection lost, trying again…', text: willWait };
  }
}

function systemNotice({ status, message }: SystemStatus): Notice {
  switch (status) {
    case 'draining':
      return {
        tone: 'warning',
        title: 'The server is about to restart.',
        text: 'You will be reconnected; nothing is lost.',
      };
    case 'maintenance':
      return { tone: 'warning', title: 'Maintenance.', text: message ?? 'Some things may not work for a while.' };
    case 'ok':
    case 'degraded':
      return {
        tone: 'warning',
        title: 'The server has trouble.',
        text: `${message === undefined ? '' : `${message} `}Messages may take longer than usual; they are kept until they are stored.`,
      };
  }
}
