import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Target, To } from './addresses.ts';
import { Link } from './link.tsx';

/** A link that looks like what it is: the next thing to do. */
export function ButtonLink<T extends To>({
  target,
  filled = false,
  children,
}: {
  target: Target<T>;
  filled?: boolean;
  children: ReactNode;
}) {
  return (
    <Button
      className="no-print"
      variant={filled ? 'filled' : 'default'}
      renderRoot={(props: object) => <Link {...(target as Target<To>)} {...props} />}
    >
      {children}
    </Button>
  );
}
