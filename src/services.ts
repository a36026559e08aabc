import type { Service } from './config.ts';

/** Every slice's face, imported only where it runs. */
export const SLICES = {
  gateway: () => import('./gateway/index.ts'),
  identity: () => import('./identity/index.ts'),
  realtime: () => import('./realtime/index.ts'),
  audit: () => import('./audit/index.ts'),
  masterdata: () => import('./masterdata/index.ts'),
  intake: () => import('./intake/index.ts'),
  disposition: () => import('./disposition/index.ts'),
  inference: () => import('./inference/index.ts'),
  monitoring: () => import('./monitoring/index.ts'),
};
export type SliceName = keyof typeof SLICES;

/** Which slices a service is made of. `reports` has none in this version. */
export const SERVICE_SLICES: Record<Service, readonly SliceName[]> = {
  gateway: ['gateway', 'identity', 'realtime', 'audit'],
  inspection: ['masterdata', 'intake', 'disposition'],
  inference: ['inference', 'monitoring'],
  reports: [],
};
