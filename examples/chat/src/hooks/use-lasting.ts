import { useEffect, useState } from 'react';

/** True once a condition has held for so long: what passes at once is not worth telling. */
export function useLasting(condition: boolean, forMs: number): boolean {
  const [hasLasted, setHasLasted] = useState(false);
  useEffect(() => {
    if (!condition) return;
    const timer = setTimeout(() => setHasLasted(true), forMs);
    return () => {
      clearTimeout(timer);
      setHasLasted(false);
    };
  }, [condition, forMs]);
  return condition && hasLasted;
}
