export { ThreadwireProvider, useThreadwire } from './provider.ts';
export { useConnectionStatus } from './use-connection-status.ts';
export { useThread } from './use-thread.ts';
export { useThreadList } from './use-thread-list.ts';
