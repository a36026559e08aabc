import type { Consumer } from './bus/consumer.ts';
import type { App } from './http/app.ts';

/** How a part is doing. A degraded part is shown and flips nothing. */
export interface Part {
  status: 'ok' | 'degraded';
  detail?: string;
}

/** The face of a room: what it adds to the house. Everything is optional but its name. */
export interface Slice {
  readonly name: string;
  /** Adds routes to an app that already knows callers, errors and schemas. */
  readonly routes?: (app: App) => void | Promise<void>;
  readonly consumers?: readonly Consumer[];
  /** Parts of `/health`: how what it stands on is doing. Shown; none flips readiness. */
  readonly parts?: Readonly<Record<string, () => Part | Promise<Part>>>;
  /** Sweepers and workers: started after the consumers, stopped before the database closes. */
  readonly background?: { start(): Promise<void>; stop(): Promise<void> };
}
