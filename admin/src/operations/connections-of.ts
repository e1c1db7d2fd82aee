import type { Link } from '../connection/link.ts';
import type { ConnectionLine, ConsolePayload } from '../connection/protocol.ts';

const pageSize = 500;

/** All connections that are found, page by page, at most so many. */
export async function foundConnections(
  link: Link,
  asked: Pick<ConsolePayload<'connections'>, 'search' | 'order' | 'descending'>,
  most: number,
): Promise<ConnectionLine[]> {
  // Meanwhile some come and go: what slips from one page to the next comes twice.
  const all = new Map<string, ConnectionLine>();
  for (let offset = 0; offset < most; offset += pageSize) {
    const { found, connections } = await link.request('connections', { ...asked, offset, limit: pageSize });
    for (const line of connections) all.set(line.client_id, line);
    if (connections.length < pageSize || offset + pageSize >= found) break;
  }
  return [...all.values()].slice(0, most);
}

/** Those of one user. */
export async function connectionsOf(link: Link, userId: string): Promise<ConnectionLine[]> {
  const asked = { search: userId, order: 'user', descending: false } as const;
  const found = await foundConnections(link, asked, 5000);
  return found.filter(({ user_id }) => user_id === userId);
}
