import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../connection/link-context.ts';
import type { OperatorSession } from '../connection/use-session.ts';
import { hrefOf, pages } from '../route.ts';
import type { Page } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { pageKeys, pageNames } from './page-names.ts';
import { ThemePicker } from './theme-picker.tsx';

interface NavigationProps {
  readonly current: Page;
  readonly session: OperatorSession | undefined;
  readonly onShortcuts: () => void;
}

/** The pages of the console, and what belongs to none of them. On a phone it is opened by a button. */
export function Navigation({ current, session, onShortcuts }: NavigationProps): ReactElement {
  const link = useLink();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (!isOpen) return;
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') setOpen(false);
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [isOpen]);
  return (
    <header className="side" data-open={isOpen || undefined}>
      <div className="side-head">
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="24" height="24" />
        <span className="side-name">Threadwire</span>
        <span className="side-page">{pageNames[current]}</span>
        <button
          type="button"
          className="icon-button side-button"
          aria-expanded={isOpen}
          aria-controls="side-menu"
          aria-label="Menu"
          onClick={() => setOpen(!isOpen)}
        >
          <Icon name={isOpen ? 'close' : 'menu'} />
        </button>
      </div>
      <div className="side-menu" id="side-menu">
        <nav aria-label="Console">
          <ul className="side-list">
            {pages.map((page) => (
              <li key={page}>
                <a
                  className="side-link"
                  href={hrefOf(page)}
                  aria-current={page === current ? 'page' : undefined}
                  title={`${pageNames[page]} (G then ${pageKeys[page].toUpperCase()})`}
                  onClick={() => setOpen(false)}
                >
                  <Icon name={page} />
                  {pageNames[page]}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div className="side-foot">
          <a className="side-link" href="/admin/sockets/">
            <Icon name="window" />
            Socket.IO admin UI
          </a>
          <button type="button" className="side-link" aria-haspopup="dialog" onClick={onShortcuts}>
            <Icon name="keyboard" />
            Keyboard
          </button>
          <ThemePicker />
          <form className="side-session" method="post" action="/admin/logout" onSubmit={() => link.leave()}>
            <span className="cut" title={session && `Until ${new Date(session.expires_at).toLocaleString('en-GB')}`}>
              {session?.username ?? ''}
            </span>
            <button className="button" data-size="small">
              <Icon name="leave" size={15} />
              Log out
            </button>
          </form>
        </div>
      </div>
    </header>
  );
}
