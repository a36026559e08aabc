/** With fewer connections a process cannot serve: reads, consumers, one for creations, one for the lease of the bus. */
const LEAST = 4;

/** What one of several processes may open, so that all together stay within `poolSize` kept and `overflow` more; at least four each. */
export function poolBudget({ poolSize, overflow, workers }: { poolSize: number; overflow: number; workers: number }): {
  poolSize: number;
  overflow: number;
} {
  const most = Math.max(LEAST, Math.floor((poolSize + overflow) / workers));
  const kept = Math.min(most, Math.max(LEAST, Math.floor(poolSize / workers)));
  return { poolSize: kept, overflow: most - kept };
}
