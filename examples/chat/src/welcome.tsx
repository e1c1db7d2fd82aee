import type { ReactElement } from 'react';
import { listHref } from './route.ts';
import { EmptyState } from './ui/empty-state.tsx';
import { modifierKey } from './ui/modifier-key.ts';

export function NothingSelected({ onCreate }: { readonly onCreate: () => void }): ReactElement {
  return (
    <EmptyState icon="chats" title="Pick a thread, or start one" level={1}>
      <p className="empty-state-text">
        Every window is its own person. Open a second one beside this and watch the conversation arrive.
      </p>
      <div className="button-row">
        <button type="button" className="button" data-kind="primary" onClick={onCreate}>
          New thread
        </button>
        <a className="button" href="./" target="_blank" rel="noopener">
          Open another window
        </a>
      </div>
      <dl className="shortcuts">
        <div>
          <dt>Find a thread</dt>
          <dd>
            <kbd>{modifierKey}</kbd> <kbd>K</kbd>
          </dd>
        </div>
        <div>
          <dt>Next and previous thread</dt>
          <dd>
            <kbd>Alt</kbd> <kbd>↑</kbd> <kbd>↓</kbd>
          </dd>
        </div>
        <div>
          <dt>Edit your last message</dt>
          <dd>
            <kbd>↑</kbd>
          </dd>
        </div>
      </dl>
    </EmptyState>
  );
}

export function InvalidLink(): ReactElement {
  return (
    <EmptyState icon="alert" title="This link leads nowhere" level={1} role="alert">
      <p className="empty-state-text">What stands after “#/t/” cannot be the id of a thread.</p>
      <div className="button-row">
        <a className="button" data-kind="primary" href={listHref}>
          Back to threads
        </a>
      </div>
    </EmptyState>
  );
}
