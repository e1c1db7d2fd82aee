import { useThreadList, useThreadwire } from '@threadwire/client/react';
import { useDeferredValue, useMemo, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { useSeen } from '../session/session-context.ts';
import { UserMenu } from '../status/user-menu.tsx';
import { IconButton } from '../ui/icon-button.tsx';
import { ThreadNav } from './thread-nav.tsx';
import { ThreadSearch } from './thread-search.tsx';
import { threadTitle } from './thread-object.ts';
import { unreadOf } from './unread.ts';
import { useDocumentTitle } from './use-document-title.ts';
import { useThreadShortcuts } from './use-thread-shortcuts.ts';

interface SidebarProps {
  readonly selectedId: string | undefined;
  readonly onCreate: () => void;
}

export function Sidebar({ selectedId, onCreate }: SidebarProps): ReactElement {
  const list = useThreadList();
  const { threadList } = useThreadwire();
  const seen = useSeen();
  const [query, setQuery] = useState('');
  const search = useRef<HTMLInputElement>(null);
  const wanted = useDeferredValue(query.trim().toLocaleLowerCase());
  const { threads } = list;
  const found = useMemo(
    () => threads.filter((thread) => threadTitle(thread).toLocaleLowerCase().includes(wanted)),
    [threads, wanted],
  );
  useThreadShortcuts(found, selectedId, search);
  useDocumentTitle(
    threads.find(({ id }) => id === selectedId),
    threads.filter((thread) => unreadOf(thread, seen).isUnread && thread.id !== selectedId).length,
  );

  return (
    <div className="sidebar">
      <header className="sidebar-header">
        <h1 className="brand">Threadwire</h1>
        <IconButton icon="plus" label="New thread" onClick={onCreate} />
      </header>
      <ThreadSearch ref={search} query={query} onChange={setQuery} />
      <ThreadNav
        list={list}
        threads={found}
        isSearching={wanted !== ''}
        seen={seen}
        selectedId={selectedId}
        onCreate={onCreate}
        onRetry={() => threadList.retry()}
        onClearSearch={() => {
          setQuery('');
          search.current?.focus();
        }}
      />
      <footer className="sidebar-footer">
        <UserMenu />
      </footer>
    </div>
  );
}
