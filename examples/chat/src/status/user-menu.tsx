import { useCallback, useId, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { useDismiss } from '../hooks/use-dismiss.ts';
import { useSession } from '../session/session-context.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Icon } from '../ui/icon.tsx';
import { NameForm } from './name-form.tsx';
import { ThemePicker } from './theme-picker.tsx';
import { useConnectionHealth } from './use-connection-health.ts';

/** Who this window is and how its connection stands; opens what can be changed about it. */
export function UserMenu(): ReactElement {
  const { session, store } = useSession();
  const health = useConnectionHealth();
  const [isOpen, setIsOpen] = useState(false);
  const panelId = useId();
  const container = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = useCallback(() => {
    setIsOpen(false);
    button.current?.focus();
  }, []);
  useDismiss(isOpen, container, close);

  return (
    <div className="user-menu" ref={container}>
      {isOpen && (
        <div className="popover" id={panelId} role="dialog" aria-label="Your settings">
          <NameForm
            userId={session.userId}
            onSave={(userId) => {
              close();
              store.rename(userId);
            }}
          />
          <ThemePicker />
        </div>
      )}
      <button
        ref={button}
        type="button"
        className="user-button"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-controls={isOpen ? panelId : undefined}
        onClick={() => (isOpen ? close() : setIsOpen(true))}
      >
        <Avatar id={session.userId} />
        <span className="visually-hidden">Your name: </span>
        <span className="user-button-text">
          <span className="user-button-name" data-testid="user-id">
            {session.userId}
          </span>
          <span className="connection" data-state={health.state} data-testid="connection">
            <span className="connection-dot" />
            {health.label}
          </span>
        </span>
        <Icon name="updown" />
      </button>
    </div>
  );
}
