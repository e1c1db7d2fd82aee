import type { ServerEventMap } from '@threadwire/client';
import { useThreadwire } from '@threadwire/client/react';
import { useEffect, useState } from 'react';

export type SystemStatus = ServerEventMap['system_status'];

/** What the server said about itself on this connection, unless all is well. */
export function useSystemStatus(): SystemStatus | undefined {
  const client = useThreadwire();
  const [status, setStatus] = useState<SystemStatus>();
  useEffect(() => {
    const stopEvents = client.on('system_status', (next) => setStatus(next.status === 'ok' ? undefined : next));
    // What a server said of itself ends with its connection: the next one may be another server.
    const stopStatus = client.onStatus(() => {
      if (client.getStatus().state !== 'connected') setStatus(undefined);
    });
    return () => {
      stopEvents();
      stopStatus();
    };
  }, [client]);
  return status;
}
