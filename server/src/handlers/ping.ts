import type { SharedHandler } from './handler.ts';

export const ping: SharedHandler<'ping'> = ({ now }) => ({ server_time: new Date(now()).toISOString() });
