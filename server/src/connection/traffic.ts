/** What went over the transport connections since the start. Plain numbers: whoever counts adds to them, and nothing else. */
export class Traffic {
  connections = 0;
  disconnections = 0;
  /** As in messages, without what WebSocket or HTTP puts around them. */
  receivedBytes = 0;
  sentBytes = 0;
}
