import { Registry } from '@prometheus-io/client';
import type { Figures } from '../telemetry/metrics.ts';

/** Prometheus text of all processes as one: each metric by its own rule (sum when it has none; a gauge of what all share: the largest). */
export function textOf(all: readonly Figures[]): Promise<string> {
  return Registry.aggregate(all as unknown as object[]).metrics();
}

const KEPT = new Set<unknown>(['counter', 'histogram']);
const isSum = (aggregator: unknown) => aggregator === undefined || aggregator === 'sum';

/**
 * What a process that is gone leaves behind: its counters and histograms, added to those of others before it. Without them the sum would fall, and
 * a fallen counter reads as one that began anew: a rate that never was.
 */
export async function leftBehind(before: Figures, last: Figures): Promise<Figures> {
  const counted = (figures: Figures) =>
    figures.filter((one) => KEPT.has(one.type) && isSum(one.aggregator) && !/^(process|nodejs)_/.test(one.name));
  const summed = await Registry.aggregate([counted(before), counted(last)] as unknown as object[]).getMetricsAsJSON();
  return summed as unknown as Figures;
}
