import { Encoder, PacketType } from 'socket.io-parser';
import type { Packet } from 'socket.io-parser';

/** Socket.IO's encoder for servers that send no bytes: it does not look for any in each packet. */
export class JsonEncoder extends Encoder {
  override encode({ type, nsp, id, data }: Packet): string[] {
    if (type === PacketType.BINARY_EVENT || type === PacketType.BINARY_ACK) throw new Error('bytes cannot be sent');
    const namespace = nsp === '/' ? '' : `${nsp},`;
    return [`${type}${namespace}${id ?? ''}${data === undefined ? '' : JSON.stringify(data)}`];
  }
}
