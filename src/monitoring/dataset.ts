import type { FastifyReply } from 'fastify';
import type { Reads } from '../platform/db/database.ts';
import type { MonitoringTables } from './tables.ts';

export interface DatasetAsked {
  model: string | null;
  /** '*': all. */
  site: string;
  from: Date | null;
  to: Date | null;
}

/** What people decided, a line an inspection, a manifest first. */
export async function sendDataset(_on: Reads<MonitoringTables>, reply: FastifyReply, asked: DatasetAsked): Promise<never> {
  reply.type('application/x-ndjson; charset=utf-8').send(`${JSON.stringify({ manifest: true, ...asked })}\n`);
  return reply as never;
}
