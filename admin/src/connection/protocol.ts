// What the server and this page say to each other, from the server's own source. Types only: nothing of it is bundled.
export type {
  ConnectionLine,
  ConsoleAnswer,
  ConsoleAnswers,
  ConsolePayload,
  ConsoleRequest,
  GrowingLine,
  NodeLine,
  Refusal,
  RevokedLine,
  Sample,
  StreamLine,
  TailLine,
  ThreadLine,
} from '../../../server/src/admin/console/console-protocol.ts';
