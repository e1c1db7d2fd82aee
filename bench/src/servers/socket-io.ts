import { serve } from './control.ts';
import { nextSeq, toMessage } from './messages.ts';
import { startSocketIoApp } from './socket-io-app.ts';

// Bare Socket.IO: what it relays is in memory only.
serve(await startSocketIoApp((sent, senderId) => toMessage(sent, senderId, nextSeq(sent.thread_id))));
