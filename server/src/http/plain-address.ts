/** An IP address as people write it: of IPv4 also where the socket is one of IPv6. */
export function plainAddress(address = ''): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
