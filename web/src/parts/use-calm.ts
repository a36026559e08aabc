import { useEffect, useRef, useState } from 'react';

/** `value`, changed at most once in `ms`: what is read aloud needs its time, however fast a line reports. */
export function useCalm<T>(value: T, ms: number): T {
  const [shown, show] = useState(value);
  const last = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    if (value === shown) return;
    const timer = window.setTimeout(
      () => {
        last.current = performance.now();
        show(value);
      },
      Math.max(0, last.current + ms - performance.now()),
    );
    return () => window.clearTimeout(timer);
  }, [value, shown, ms]);
  return shown;
}
