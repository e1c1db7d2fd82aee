import { randomBytes } from 'node:crypto';
import { FrameReader } from './frame-reader.ts';
import type { OnFrame } from './frame-reader.ts';
import { openTcp } from './tcp-link.ts';
import type { TcpLink } from './tcp-link.ts';
import { textFrame } from './text-frame.ts';

export interface WebSocketOptions {
  readonly port: number;
  readonly path: string;
  readonly onFrame: OnFrame;
  /** Called when all that one read brought was handed out. */
  readonly onChunk?: (() => void) | undefined;
  readonly onLost: (reason: string) => void;
}

/** The upgrade was answered with an HTTP status other than 101. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  readonly status: number;

  constructor(status: number) {
    super(`the upgrade was refused with ${status}`);
    this.status = status;
  }
}

const headEnd = Buffer.from('\r\n\r\n');

/** A WebSocket that costs its process little: it sends text frames, and looks at no more than the headers of others. */
export class WebSocketLink {
  readonly #tcp: TcpLink;

  constructor(tcp: TcpLink) {
    this.#tcp = tcp;
  }

  send(text: string): void {
    this.#tcp.send(textFrame(text));
  }

  close(): void {
    this.#tcp.close();
  }
}

/** Resolves when the upgrade was answered with 101; rejects with {@link UpgradeRefused} on another answer. */
export async function openWebSocket(options: WebSocketOptions): Promise<WebSocketLink> {
  const { port, path, onFrame, onChunk, onLost } = options;
  let lose = onLost;
  const reader = new FrameReader(onFrame, (bytes, start, end) => {
    // Pings of the WebSocket itself no server here sends.
    if (bytes[start] === 0x88) lose(`the server closed the WebSocket${closeReason(bytes, start, end)}`);
  });
  let head: Buffer | undefined = Buffer.alloc(0);
  let upgraded!: (error?: Error) => void;
  const answer = new Promise<void>((resolve, reject) => {
    upgraded = (error) => (error ? reject(error) : resolve());
  });
  answer.catch(() => undefined);
  const tcp = await openTcp({
    port,
    onLost: (reason) => {
      upgraded(new Error(reason));
      lose(reason);
    },
    onBytes: (bytes, length) => {
      let from = 0;
      if (head) {
        head = Buffer.concat([head, bytes.subarray(0, length)]);
        const end = head.indexOf(headEnd);
        if (end < 0) return;
        // Where in this chunk the head ends: what came before this chunk held no end of it.
        from = end + headEnd.length - (head.length - length);
        const status = Number(head.toString('latin1', 9, 12));
        head = undefined;
        upgraded(status === 101 ? undefined : new UpgradeRefused(status));
        if (status !== 101) return;
      }
      reader.read(bytes, from, length);
      onChunk?.();
    },
  });
  tcp.send(upgradeRequest(port, path));
  try {
    await answer;
  } catch (error) {
    lose = () => undefined;
    tcp.close();
    throw error;
  }
  return new WebSocketLink(tcp);
}

function upgradeRequest(port: number, path: string): Buffer {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

function closeReason(bytes: Buffer, start: number, end: number): string {
  return end - start < 4 ? '' : ` with code ${bytes.readUInt16BE(start + 2)} ${bytes.toString('utf8', start + 4, end)}`;
}
