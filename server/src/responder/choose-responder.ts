import { ConfigError } from '../config.ts';
import type { Logger } from '../logger.ts';
import { createBuiltInResponder } from './built-in-responder.ts';
import { createOpenAiResponder } from './openai-responder.ts';
import type { Responder } from './responder.ts';

/** Fast, cheap, and open to every key: newer small models think first, and stream to verified organizations only. */
const defaultModel = 'gpt-4.1-mini';

export interface ChosenResponder {
  readonly respond: Responder;
  /** The model, or that there is none: for operators. */
  readonly name: string;
  /** Whether it gives the same text for the same message, so that a reply which broke off can be continued. */
  readonly isRepeatable: boolean;
}

/**
 * The responder that the environment asks for: a model where `OPENAI_API_KEY` or `OPENAI_BASE_URL` says how to reach one
 * (`OPENAI_MODEL` says which), else the one that needs none. An empty variable counts as unset.
 *
 * @throws {ConfigError} at a value that cannot be used.
 */
export function chooseResponder(env: Readonly<Record<string, string | undefined>>, logger?: Logger): ChosenResponder {
  const apiKey = env['OPENAI_API_KEY'] || undefined;
  const baseUrl = env['OPENAI_BASE_URL'] || undefined;
  if (apiKey === undefined && baseUrl === undefined) {
    return { respond: createBuiltInResponder(), name: 'built-in', isRepeatable: true };
  }
  // Neither value is shown: a URL may hold a secret too.
  if (apiKey !== undefined && !/^[!-~]+$/.test(apiKey)) {
    throw new ConfigError('OPENAI_API_KEY must be ASCII without blanks, as a bearer token is');
  }
  if (baseUrl !== undefined && !isBaseUrl(baseUrl)) {
    throw new ConfigError(
      'OPENAI_BASE_URL must be a URL that begins with http:// or https://, without a user name, a query or a fragment',
    );
  }
  const model = env['OPENAI_MODEL'] || defaultModel;
  return { respond: createOpenAiResponder({ baseUrl, apiKey, model, logger }), name: model, isRepeatable: false };
}

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && `${username}${password}${search}${hash}` === '';
}
