import { useEffect, useState, useSyncExternalStore } from 'react';
import type { RefObject } from 'react';
import { usePageVisible } from '../hooks/use-page-visible.ts';
import { useSession } from '../session/session-context.ts';
import type { Preview } from './preview-store.ts';
import type { ThreadObject } from './thread-object.ts';

/** The thread's last message, kept up to date while its element is in sight. */
export function usePreview(
  { id, head_seq: headSeq }: ThreadObject,
  element: RefObject<Element | null>,
): Preview | undefined {
  const { previews } = useSession().session;
  const isInSight = useInSight(element);
  const isVisible = usePageVisible();
  useEffect(
    () => (isInSight && isVisible ? previews.want(id, headSeq) : undefined),
    [previews, id, headSeq, isInSight, isVisible],
  );
  return useSyncExternalStore(previews.subscribe, () => previews.get(id));
}

function useInSight(element: RefObject<Element | null>): boolean {
  const [isInSight, setIsInSight] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver((entries) => setIsInSight(entries.at(-1)?.isIntersecting ?? false));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return isInSight;
}
