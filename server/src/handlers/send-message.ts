import type { ClientPayload } from '@threadwire/protocol';
import { RequestError, refused } from '../request-error.ts';
import type { RequestContext, SharedHandler } from './handler.ts';

export const sendMessage: SharedHandler<'send_message'> = async (context, payload) => {
  const { writer, actor, now, newId } = context;
  const role = payload.role ?? 'user';
  checkRole(context, role);
  const result = await writer.write({
    kind: 'append',
    threadId: payload.thread_id,
    actor,
    id: newId(),
    messageId: payload.message_id ?? newId(),
    role,
    content: payload.content,
    metadata: payload.metadata ?? {},
    at: now(),
  });
  if (!result.ok) throw refused(result);
  return { message: result.message, duplicate: !result.changed };
};

function checkRole({ actor }: RequestContext, role: ClientPayload<'send_message'>['role']): void {
  if (role === 'user' || actor.agent || actor.admin) return;
  throw new RequestError('forbidden', `The role ${role} needs the scope agent.`);
}
