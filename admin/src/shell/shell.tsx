import { useCallback, useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { useLinkState } from '../connection/link-context.ts';
import { goToLogin } from '../connection/return-path.ts';
import { useSession } from '../connection/use-session.ts';
import { NodeHistoryContext, useWatchedNodes } from '../nodes/use-node-history.ts';
import { CurrentPage } from '../pages/current-page.tsx';
import { useRoute } from '../use-route.ts';
import { Navigation } from './navigation.tsx';
import { pageNames } from './page-names.ts';
import { ShortcutsDialog } from './shortcuts-dialog.tsx';
import { StatusStrip } from './status-strip.tsx';
import { usePageKeys } from './use-page-keys.ts';
import { useViewScroll } from './use-view-scroll.ts';

/** Everything around a page: the way to the others, and whether all is well. */
export function Shell(): ReactElement {
  const route = useRoute();
  const state = useLinkState();
  const session = useSession();
  const history = useWatchedNodes();
  const [hasShortcuts, setShortcuts] = useState(false);
  const main = useRef<HTMLElement>(null);
  const showShortcuts = useCallback(() => setShortcuts(true), []);
  usePageKeys(showShortcuts);

  useEffect(() => {
    if (state === 'ended') goToLogin();
  }, [state]);

  const { page, id } = route;
  useEffect(() => {
    document.title = `${id === undefined ? '' : `${id} · `}${pageNames[page]} · Threadwire console`;
  }, [page, id]);
  // What is opened is read from its beginning by screen readers, and by eyes where it was not open before.
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [page, id]);
  useViewScroll(main, `${page} ${id}`);

  return (
    <NodeHistoryContext value={history}>
      <a
        className="skip-link"
        href="#main"
        onClick={(event) => {
          // The address says what is shown.
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <Navigation current={page} session={session} onShortcuts={showShortcuts} />
      <div className="content">
        <StatusStrip session={session} />
        <main ref={main} id="main" tabIndex={-1}>
          <CurrentPage key={`${page} ${id}`} route={route} />
        </main>
      </div>
      {hasShortcuts && <ShortcutsDialog onClose={() => setShortcuts(false)} />}
    </NodeHistoryContext>
  );
}
