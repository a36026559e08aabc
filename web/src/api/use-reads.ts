import { useMemo } from 'react';
import { usePlatform } from './context.ts';
import { type Reads, reads } from './reads.ts';

export function useReads(): Reads {
  const { api } = usePlatform();
  return useMemo(() => reads(api), [api]);
}
