export { ConfigError, loadConfig } from './config.ts';
export type { AuthConfig, Config, Transport } from './config.ts';
export { createServer } from './create-server.ts';
export type { ServerOptions, ThreadwireServer } from './create-server.ts';
