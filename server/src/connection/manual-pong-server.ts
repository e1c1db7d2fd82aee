import { WebSocketServer } from 'ws';
import type { ServerOptions } from 'ws';

/** A WebSocket server whose sockets leave it to {@link Flow} to answer pings: by themselves they would without end. */
export class ManualPongServer extends WebSocketServer {
  constructor(options: ServerOptions) {
    super({ ...options, autoPong: false });
  }
}
