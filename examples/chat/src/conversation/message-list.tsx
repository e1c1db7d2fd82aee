import type { Thread, ThreadSnapshot } from '@threadwire/client';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { Virtuoso } from 'react-virtuoso';
import type { VirtuosoHandle } from 'react-virtuoso';
import { useSession } from '../session/session-context.ts';
import type { ThreadObject } from '../threads/thread-object.ts';
import { endThreshold } from './follow-end.ts';
import { JumpPill } from './jump-pill.tsx';
import { listComponents, renderRow } from './list-row.tsx';
import type { ListContext } from './list-row.tsx';
import { moveFocus } from './move-focus.ts';
import { OlderStatus } from './older-status.tsx';
import { buildRows } from './row.ts';
import type { Row } from './row.ts';
import { useOlder } from './use-older.ts';
import type { RowActions, RowState } from './use-row-actions.ts';
import { usePinnedEnd } from './use-pinned-end.ts';
import { useRowWindow } from './use-row-window.ts';

interface MessageListProps {
  readonly thread: Thread;
  readonly snapshot: ThreadSnapshot;
  readonly object: ThreadObject | undefined;
  readonly newAfter: number | undefined;
  readonly state: RowState;
  readonly actions: RowActions;
  readonly isAtBottom: boolean;
  readonly onAtBottomChange: (isAtBottom: boolean) => void;
}

/** Memory is bounded: above the first number, all but the newest are let go of. */
const maxHeld = 1000;
const kept = 300;
/** Drawn beyond what is in sight, so that nothing is blank when one scrolls. */
const overscan = { top: 800, bottom: 400 };

export function MessageList(props: MessageListProps): ReactElement {
  const { thread, snapshot, object, newAfter, state, actions, isAtBottom, onAtBottomChange } = props;
  const { messages, pending, hasOlder } = snapshot;
  const { userId } = useSession().session;
  const rows = useMemo(
    () => buildRows({ messages, pending, hasOlder, userId, newAfter }),
    [messages, pending, hasOlder, userId, newAfter],
  );
  const rowWindow = useRowWindow(rows);
  const { rows: shown, firstIndex, generation } = rowWindow;
  const list = useRef<VirtuosoHandle>(null);
  const older = useOlder(thread, snapshot, rowWindow);
  const end = usePinnedEnd();
  const [leftAt, setLeftAt] = useState<string>();
  const lastRow = shown.at(-1);

  // What one wrote oneself is followed from anywhere. The list's own way to follow goes to the end with whatever grows in the
  // very moment in which somebody leaves it.
  const writtenKey = isJustWritten(lastRow) ? lastRow?.key : undefined;
  useEffect(() => {
    if (writtenKey !== undefined) end.pin();
  }, [writtenKey, end]);

  useEffect(() => {
    if (isAtBottom && messages.length > maxHeld) thread.keepNewest(kept);
  }, [isAtBottom, messages.length, thread]);

  // The client keeps threads that were left: not as far back as somebody has scrolled in them.
  useEffect(() => () => thread.keepNewest(kept), [thread]);

  // Arrow up in the composer may ask for what is out of sight.
  const editedId = state.editing?.id;
  const editedAt = editedId === undefined ? -1 : shown.findIndex(({ id }) => id === editedId);
  useEffect(() => {
    if (editedAt !== -1) end.visit(() => list.current?.scrollIntoView({ index: editedAt }));
    // Once, when it begins: what comes meanwhile must not pull the list back.
  }, [editedId]);

  const context = useMemo((): ListContext => ({ state, actions, object }), [state, actions, object]);
  return (
    <>
      <OlderStatus isLoading={snapshot.isLoadingOlder} fault={older.fault} onRetry={older.retry} />
      {shown.length > 0 && (
        <Virtuoso
          key={generation}
          ref={list}
          className="message-list"
          role="region"
          aria-label="Messages"
          data={shown}
          context={context}
          components={listComponents}
          computeItemKey={(_index, row) => row.key}
          itemContent={renderRow}
          firstItemIndex={firstIndex}
          initialTopMostItemIndex={{ index: 'LAST', align: 'end' }}
          alignToBottom
          skipAnimationFrameInResizeObserver
          increaseViewportBy={overscan}
          atBottomThreshold={endThreshold}
          atBottomStateChange={(isNowAtBottom) => {
            setLeftAt(isNowAtBottom ? undefined : lastRow?.key);
            onAtBottomChange(isNowAtBottom);
          }}
          scrollerRef={end.scrollerRef}
          totalListHeightChanged={end.settle}
          rangeChanged={({ startIndex }) => older.reached(startIndex)}
          onKeyDown={(event: KeyboardEvent<HTMLElement>) => moveFocus(event)}
        />
      )}
      <JumpPill
        isAway={!isAtBottom && shown.length > 0}
        newCount={leftAt === undefined ? 0 : countSince(shown, leftAt)}
        onJump={end.pin}
      />
    </>
  );
}

function isJustWritten(row: Row | undefined): boolean {
  return row?.status === 'waiting' || row?.status === 'sending';
}

function countSince(rows: readonly Row[], key: string): number {
  const at = rows.findLastIndex((row) => row.key === key);
  return at === -1 ? 0 : rows.slice(at + 1).filter(({ isOwn }) => !isOwn).length;
}
