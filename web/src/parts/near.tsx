import { type ReactNode, useEffect, useRef, useState } from 'react';

/** Draws its children while they are on the screen or near it, so that a thousand of them cost as little as what is seen. */
export function Near({ className, children }: { className: string; children: ReactNode }) {
  const element = useRef<HTMLDivElement>(null);
  const [near, set] = useState(false);
  useEffect(() => {
    const { current } = element;
    if (!current) return;
    const observer = new IntersectionObserver(([entry]) => set(entry?.isIntersecting ?? true), { rootMargin: '300px' });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={element} className={className}>
      {near ? children : null}
    </div>
  );
}
