import { describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../../../server/src/config.ts';
import { chooseResponder } from '../../../../server/src/responder/choose-responder.ts';
import { chatAnswer, startChatCompletionsServer } from '../../../support/chat-completions-server.ts';
import { collect, contextOf, said } from './responses.ts';

describe('the responder', () => {
  test.each([{}, { OPENAI_API_KEY: '', OPENAI_BASE_URL: '' }, { OPENAI_MODEL: 'a-model' }])(
    'is the built-in one where the environment names no model to reach: %j',
    async (env) => {
      const { respond, ...rest } = chooseResponder(env);
      expect(rest).toEqual({ name: 'built-in', isRepeatable: true });
      const { pieces } = await collect(respond(said(1, '/nothing'), contextOf()));
      expect(pieces.join('')).toContain('/long');
    },
  );

  test('is a model where there is a key, or somewhere to reach one', () => {
    const { respond: _, ...rest } = chooseResponder({ OPENAI_API_KEY: 'sk-1' });
    expect(rest).toEqual({ name: 'gpt-4.1-mini', isRepeatable: false });
    expect(chooseResponder({ OPENAI_BASE_URL: 'https://models.example/v1', OPENAI_MODEL: 'm' }).name).toBe('m');
  });

  test('asks the model that is named, where it is said to be', async () => {
    await using server = await startChatCompletionsServer(chatAnswer('Hello'));
    const { respond } = chooseResponder({
      OPENAI_API_KEY: 'sk-1',
      OPENAI_BASE_URL: server.baseUrl,
      OPENAI_MODEL: 'llama3.2',
    });
    expect(await collect(respond(said(1, 'Hi'), contextOf()))).toEqual({ pieces: ['Hello'] });
    expect(server.requests).toMatchObject([{ headers: { authorization: 'Bearer sk-1' }, body: { model: 'llama3.2' } }]);
  });
});

describe('a value that cannot be used is refused in one line that names it and does not show it', () => {
  test.each([
    ['OPENAI_BASE_URL', 'models.example/v1'],
    ['OPENAI_BASE_URL', 'ftp://models.example/v1'],
    ['OPENAI_BASE_URL', 'https://ada:s3cret@models.example/v1'],
    ['OPENAI_BASE_URL', 'https://models.example/v1?key=s3cret'],
    ['OPENAI_API_KEY', 's3cret\n'],
    ['OPENAI_API_KEY', 's3crét'],
  ])('%s=%j', (name, value) => {
    let refusal: unknown;
    try {
      chooseResponder({ [name]: value });
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(ConfigError);
    const { message } = refusal as ConfigError;
    expect(message).toMatch(new RegExp(`^${name} must be .+$`));
    expect(message).not.toContain(value.trim());
    expect(message).not.toContain('s3cr');
  });
});
