import type { IncomingMessage } from 'node:http';
import { expect, test } from '@jest/globals';
import { clientAddress } from '../../../server/src/http/client-address.ts';

const invented = '203.0.113.1';

test.each([
  ['no proxy: what it says is anybody’s', 0, `${invented}, 198.51.100.7`, '192.0.2.1'],
  ['a proxy that says nothing', 1, undefined, '192.0.2.1'],
  ['a proxy', 1, '198.51.100.7', '198.51.100.7'],
  ['a proxy, and a client that invents', 1, `${invented}, 198.51.100.7`, '198.51.100.7'],
  ['two proxies, and a client that invents', 2, `${invented},198.51.100.7 , 10.0.0.2`, '198.51.100.7'],
  ['two proxies, of which one was gone round', 2, '10.0.0.2', '192.0.2.1'],
  ['a proxy that speaks IPv6', 1, '2001:db8::7', '2001:db8::7'],
  ['IPv4 in IPv6', 1, '::ffff:198.51.100.7', '198.51.100.7'],
  ['what is no address', 1, '<b>ada</b>', '192.0.2.1'],
  ['nothing', 1, '', '192.0.2.1'],
])('%s', (_what, proxies, header, address) => {
  const request = { headers: { 'x-forwarded-for': header }, socket: { remoteAddress: '::ffff:192.0.2.1' } };
  expect(clientAddress(proxies)(request as unknown as IncomingMessage)).toBe(address);
});
