import { useState } from 'react';
import type { ReactElement } from 'react';
import { Conversation } from './conversation/conversation.tsx';
import { useUnsentGuard } from './conversation/use-unsent-guard.ts';
import { useRoute } from './route.ts';
import { StatusBanner } from './status/status-banner.tsx';
import { NewThreadDialog } from './threads/new-thread-dialog.tsx';
import { Sidebar } from './threads/sidebar.tsx';
import { InvalidLink, NothingSelected } from './welcome.tsx';

/** List and conversation, side by side; on a phone, the one that the address names. */
export function Shell(): ReactElement {
  const route = useRoute();
  const [isCreating, setIsCreating] = useState(false);
  const threadId = route.screen === 'thread' ? route.threadId : undefined;
  useUnsentGuard(threadId);
  const create = (): void => setIsCreating(true);

  return (
    <div className="shell" data-screen={route.screen === 'list' ? 'list' : 'thread'}>
      <a
        className="skip-link"
        href="#main"
        onClick={(event) => {
          // The hash is the route: the jump is made by hand.
          event.preventDefault();
          const main = document.querySelector<HTMLElement>('#main');
          (main?.querySelector<HTMLElement>('textarea') ?? main)?.focus();
        }}
      >
        Skip to conversation
      </a>
      <StatusBanner />
      <Sidebar selectedId={threadId} onCreate={create} />
      <main className="main" id="main" tabIndex={-1} aria-label="Conversation">
        {route.screen === 'thread' && <Conversation key={route.threadId} threadId={route.threadId} />}
        {route.screen === 'invalid' && <InvalidLink />}
        {route.screen === 'list' && <NothingSelected onCreate={create} />}
      </main>
      {isCreating && <NewThreadDialog onClose={() => setIsCreating(false)} />}
    </div>
  );
}
