import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../src/platform/ports.ts';
import { type RunningPlatform, startPlatform } from './platform.ts';

export const SERVICES = ['gateway', 'inspection', 'inference', 'reports'] as const;
export type Service = (typeof SERVICES)[number];

/** Most that each service may ever have resident (MiB). */
export const MEMORY_LIMITS: Record<Service, number> = { gateway: 512, inspection: 256, inference: 512, reports: 512 };

/** The most that this process ever had resident (MiB). */
export async function peakMib({ process: { pid } }: RunningPlatform): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024);
}

/**
 * The platform as four programs on one database, with one environment for all, and on one data folder or as on machines apart each on its own. `at` grows
 * in order of their start; the gateway gives the tokens and forwards to the others. `start` starts one again that was stopped.
 */
export async function startServices(
  t: { after(fn: () => Promise<void>): void },
  database: string,
  environment: Record<string, string> = {},
  folders: 'one folder' | 'folders apart' = 'one folder',
): Promise<{ at: Record<Service, RunningPlatform>; addressOf: (service: Service) => string; start: (service: Service) => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-services-'));
  t.after(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }));
  const free = await freePorts(SERVICES.length);
  const ports = Object.fromEntries(SERVICES.map((service, at) => [service, free[at]])) as Record<Service, number>;
  const addressOf = (service: Service) => `http://localhost:${ports[service]}`;
  const shared = {
    DATABASE_URL: database,
    PUBLIC_URL: addressOf('gateway'),
    INSPECTION_URL: addressOf('inspection'),
    INFERENCE_URL: addressOf('inference'),
    DB_POOL_SIZE: '8',
    DB_MAX_OVERFLOW: '4',
    ...environment,
  };
  const at = {} as Record<Service, RunningPlatform>;
  const folderOf = (service: Service) => (folders === 'one folder' ? dataDir : join(dataDir, service));
  const start = async (service: Service) => {
    const own = { CQP_SERVICES: service, PORT: String(ports[service]), TRUST_PROXY: service === 'gateway' ? '' : '127.0.0.1,::1' };
    at[service] = await startPlatform(t, {
      dataDir: folderOf(service),
      signedInBy: folderOf('gateway'),
      environment: { ...shared, ...own },
    });
  };
  for (const service of SERVICES) await start(service);
  return { at, addressOf, start };
}
