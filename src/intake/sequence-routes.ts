import { Type } from 'typebox';
import { ref } from '../contracts/primitives.ts';
import { SequenceQuery, StationSequence } from '../contracts/stations.ts';
import type { Reads } from '../platform/db/database.ts';
import type { App } from '../platform/http/app.ts';
import { decodeCursor, encodeCursor } from '../platform/http/paging.ts';
import { ProblemError } from '../platform/problem.ts';
import type { Plant } from './plant.ts';
import { epochsOf, highestOf, lookAt } from './sequence.ts';
import type { IntakeTables } from './tables.ts';

const isNumber = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;

/** `GET /v1/stations/{station_id}/sequence`: what of a station has arrived, and what is missing. */
export function sequenceRoutes(app: App, { reads, plant }: { reads: Reads<IntakeTables>; plant: Plant }): void {
  app.route({
    method: 'GET',
    url: '/v1/stations/:station_id/sequence',
    config: { permission: 'inspections:read', class: 'read' },
    schema: {
      tags: ['inspections'],
      summary: 'Numbers of a station that are missing',
      description:
        'A station that numbers its inspections (`station_sequence`: 1, 2, 3 …) sees here which of them have arrived. A station that lost its count begins a greater `station_epoch`; gaps are told within an epoch. One answer looks at 50,000 numbers and lists `limit` gaps; `next_cursor` goes on from there. A station sees its own numbers only.',
      params: Type.Object({ station_id: Type.String({ maxLength: 200 }) }),
      querystring: SequenceQuery,
      response: { 200: ref(StationSequence) },
    },
    async handler(request, reply) {
      const { caller, query } = request;
      const station = request.params.station_id;
      const site = (await plant.now()).siteOf(station);
      const visible = caller.stationId === null ? caller.site === '*' || caller.site === site : caller.stationId === station;
      if (site === undefined || !visible) throw new ProblemError('not_found');
      const after = decodeCursor(query.cursor, isNumber) ?? 0;
      const epochs = await epochsOf(reads, station);
      const epoch = query.epoch ?? epochs[0] ?? null;
      const highest = epoch === null ? null : await highestOf(reads, station, epoch);
      const nothing = { to: after, count: 0, late: 0, longest_delay_ms: null, gaps: [], more: false };
      const looked = epoch === null ? nothing : await lookAt(reads, station, epoch, after, query.limit ?? 20);
      return reply.send({
        station_id: station,
        epoch,
        epochs,
        highest,
        from: after + 1,
        to: looked.to,
        count: looked.count,
        late: looked.late,
        longest_delay_seconds: looked.longest_delay_ms === null ? null : looked.longest_delay_ms / 1000,
        data: looked.gaps,
        has_more: looked.more,
        next_cursor: looked.more ? encodeCursor(looked.to) : null,
      });
    },
  });
}
