import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { plainAddress } from './plain-address.ts';

/** From where a request came. */
export type ClientAddress = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string;

/**
 * Looks past so many proxies of ours. Each adds to the end of `X-Forwarded-For` who asked it; what stands before that, whoever
 * asked may have made up. Where the header does not say, it is the address of the TCP connection.
 */
export function clientAddress(trustedProxies: number): ClientAddress {
  return ({ headers, socket }) => {
    const nearest = plainAddress(socket.remoteAddress);
    if (trustedProxies === 0) return nearest;
    const told = String(headers['x-forwarded-for'] ?? '').split(',');
    const address = plainAddress(told.at(-trustedProxies)?.trim());
    return isIP(address) === 0 ? nearest : address;
  };
}
