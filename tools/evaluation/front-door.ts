import type { Inspection } from '../../src/contracts/inspections.ts';
import type { PlatformClient } from '../../src/simulator/client.ts';

/** One pair as a station posts it, from post to judged (or waiting for a person). */
export async function inspectPair(
  client: PlatformClient,
  pair: { lot: string; chip: string; reference: Uint8Array; image: Uint8Array; type: string },
): Promise<Inspection> {
  const { id } = await client.send<Inspection>('POST', '/v1/inspections', {
    lot_id: pair.lot,
    chip_id: pair.chip,
    inspection_type: 'visual',
  });
  await client.upload('POST', `/v1/inspections/${id}/artifacts?kind=reference`, pair.reference, pair.type);
  await client.upload('POST', `/v1/inspections/${id}/artifacts?kind=image`, pair.image, pair.type);
  for (let waits = 0; waits < 15; waits += 1) {
    const found = await client.get<Inspection>(`/v1/inspections/${id}?wait=20&include=inference,defects`);
    if (found.status !== 'pending' && found.status !== 'in_progress') return found;
  }
  throw new Error(`inspection ${id} was not judged within 5 minutes`);
}
