import * as z from 'zod';
import { collectSchemas, documentVersion } from './api-schemas.ts';
import type { Json, SchemaCollector } from './api-schemas.ts';
import { clientEventNames, clientEvents } from './client-events.ts';
import type { ClientEvent } from './client-events.ts';
import { errorObjectSchema } from './errors.ts';
import { connectAuthSchema } from './objects.ts';
import { messageIdSchema } from './scalars.ts';
import { serverEventNames, serverEvents } from './server-events.ts';

/** What the ack of a client event is called with, as a schema: `Answer<E>`. */
export function answerSchema(event: ClientEvent): z.ZodType {
  const requestId = { message_id: messageIdSchema.optional() };
  return z.discriminatedUnion('ok', [
    z.object({ ok: z.literal(true), data: clientEvents[event].data, ...requestId }),
    z.object({ ok: z.literal(false), error: errorObjectSchema, ...requestId }),
  ]);
}

// Client and server events share names, so each kind of message has its own prefix.
const clientMessage = (event: string) => `client.${event}`;
const answerMessage = (event: string) => `answer.${event}`;
const serverMessage = (event: string) => `server.${event}`;
const inChannel = (message: string) => ({ $ref: `#/channels/threadwire/messages/${message}` });
const channel = { $ref: '#/channels/threadwire' };

/**
 * The AsyncAPI 3.0 document of the Socket.IO API: one channel, an operation for each event. It is told from the
 * server's side: it receives client events and sends server events.
 */
export function asyncApiDocument(): object {
  const collector = collectSchemas('draft-7');
  const messages = { connect: connectMessage(collector), ...eventMessages(collector) };
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Threadwire',
      version: documentVersion,
      description:
        'Threads, messages and streamed replies over one Socket.IO v4 connection. The event name is the type of a message; its one argument is the payload.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: {
      threadwire: {
        host: '{host}',
        protocol: 'ws',
        protocolVersion: '13',
        description: 'Socket.IO v4 (Engine.IO 4) over WebSocket; `wss` behind TLS.',
        variables: { host: { default: '127.0.0.1:3000', description: 'Host and port of the server.' } },
        security: [
          { $ref: '#/components/securitySchemes/bearer' },
          { $ref: '#/components/securitySchemes/anonymousUser' },
        ],
      },
    },
    channels: {
      threadwire: {
        address: '/api/ws',
        title: 'The connection',
        description: 'The Socket.IO connection, namespace `/`. One holds every thread.',
        messages: Object.fromEntries(
          Object.keys(messages).map((key) => [key, { $ref: `#/components/messages/${key}` }]),
        ),
        bindings: {
          ws: {
            method: 'GET',
            query: {
              type: 'object',
              properties: {
                EIO: { type: 'string', const: '4' },
                transport: { type: 'string', const: 'websocket' },
              },
              required: ['EIO', 'transport'],
            },
            bindingVersion: '0.1.0',
          },
        },
      },
    },
    operations: operations(),
    components: {
      messages,
      schemas: collector.schemas,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Travels as `token` in the auth object of the CONNECT packet; never in a URL.',
        },
        anonymousUser: {
          type: 'apiKey',
          in: 'user',
          description: 'Anonymous mode: `user` in the auth object of the CONNECT packet; it proves nothing.',
        },
      },
    },
  };
}

function connectMessage(collector: SchemaCollector): Json {
  return {
    name: 'connect',
    title: 'CONNECT',
    summary: "Socket.IO's own packet that opens the namespace; its payload is the auth object.",
    payload: collector.toSchema(connectAuthSchema),
  };
}

function eventMessages(collector: SchemaCollector): Json {
  const messages: Json = {};
  const correlationId = { location: '$message.payload#/message_id' };
  for (const event of clientEventNames) {
    const { summary, payload } = clientEvents[event];
    messages[clientMessage(event)] = {
      name: event,
      title: event,
      summary,
      correlationId,
      payload: collector.toSchema(payload),
    };
    messages[answerMessage(event)] = {
      name: `${event} answer`,
      title: `Answer to ${event}`,
      summary: 'What the ack is called with, where the request asked for one.',
      correlationId,
      payload: collector.toSchema(answerSchema(event)),
    };
  }
  for (const event of serverEventNames) {
    const { summary, payload, durable } = serverEvents[event];
    messages[serverMessage(event)] = {
      name: event,
      title: event,
      summary,
      payload: collector.toSchema(payload),
      'x-durable': durable,
    };
  }
  return messages;
}

function operations(): Json {
  const made: Json = {
    connect: {
      action: 'receive',
      channel,
      title: 'CONNECT',
      messages: [inChannel('connect')],
      reply: { channel, messages: [inChannel(serverMessage('session'))] },
    },
  };
  for (const event of clientEventNames) {
    const definition = clientEvents[event];
    const replies = [answerMessage(event), serverMessage('error')];
    if ('reply' in definition) replies.splice(1, 0, serverMessage(definition.reply));
    made[clientMessage(event)] = {
      action: 'receive',
      channel,
      title: event,
      summary: definition.summary,
      description:
        'With an ack, it is answered through the ack only; without one, by the reply event if it has one, or `error`.',
      messages: [inChannel(clientMessage(event))],
      reply: { channel, messages: replies.map(inChannel) },
    };
  }
  for (const event of serverEventNames) {
    made[serverMessage(event)] = {
      action: 'send',
      channel,
      title: event,
      summary: serverEvents[event].summary,
      messages: [inChannel(serverMessage(event))],
    };
  }
  return made;
}
