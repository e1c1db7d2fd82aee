import type { Link } from '../connection/link.ts';
import type { ConnectionLine } from '../connection/protocol.ts';
import type { Question } from '../dialog/confirm.tsx';
import { counted } from '../format/number.ts';
import { UserText } from '../ui/user-text.tsx';
import { connectionsOf } from './connections-of.ts';

/** Asks whether one connection is to be ended. */
export function disconnectQuestion(link: Link, line: ConnectionLine): Question {
  return {
    title: 'Disconnect this connection?',
    describe: () => (
      <p>
        1 connection of <UserText text={line.user_id} className="name" /> from {line.address} is closed, with its{' '}
        {counted(line.subscriptions, 'subscription')}. Its client is told so and does not come back by itself, but the
        user may connect again at any time.
      </p>
    ),
    action: 'Disconnect',
    isHarmful: true,
    run: async () => {
      await link.request('disconnect', { client_id: line.client_id });
      return `1 connection of ${line.user_id} is closed.`;
    },
  };
}

/** Asks whether all connections of a user are to be ended. */
export function disconnectUserQuestion(link: Link, userId: string): Question {
  return {
    title: 'Disconnect this user?',
    describe: async () => {
      const { length } = await connectionsOf(link, userId);
      return (
        <p>
          {counted(length, 'connection')} of <UserText text={userId} className="name" />{' '}
          {length === 1 ? 'is closed. Its client is' : 'are closed. Their clients are'} told so and{' '}
          {length === 1 ? 'does' : 'do'} not come back by {length === 1 ? 'itself' : 'themselves'}, but the user may
          connect again at any time. To keep the user out, revoke it instead.
        </p>
      );
    },
    action: 'Disconnect user',
    isHarmful: true,
    run: async () => {
      const { connections } = await link.request('disconnect_user', { user_id: userId });
      return `${counted(connections, 'connection')} of ${userId} closed.`;
    },
  };
}

/** Asks whether a user is to be kept out. */
export function revokeQuestion(link: Link, userId: string, onDone: () => void = () => undefined): Question {
  return {
    title: 'Revoke this user?',
    describe: async () => {
      const { length } = await connectionsOf(link, userId);
      return (
        <p>
          <UserText text={userId} className="name" /> is kept out, by every token and on every node, until an operator
          restores the user: {counted(length, 'connection')} on this node {length === 1 ? 'is' : 'are'} closed now, and
          the user’s running streams are cancelled. What the user wrote stays.
        </p>
      );
    },
    action: 'Revoke user',
    isHarmful: true,
    reasonHint: 'other operators see it',
    run: async (reason) => {
      const { connections } = await link.request('revoke_user', { user_id: userId, ...(reason !== '' && { reason }) });
      onDone();
      return `${userId} is revoked; ${counted(connections, 'connection')} closed.`;
    },
  };
}

/** Asks whether a user is to be let in again. */
export function restoreQuestion(link: Link, userId: string, onDone: () => void): Question {
  return {
    title: 'Restore this user?',
    describe: () => (
      <p>
        <UserText text={userId} className="name" /> may connect again, at once. Streams that were cancelled stay
        cancelled.
      </p>
    ),
    action: 'Restore user',
    isHarmful: false,
    run: async () => {
      await link.request('restore_user', { user_id: userId });
      onDone();
      return `${userId} may connect again.`;
    },
  };
}
