import type { Inspection } from '../src/contracts/inspections.ts';
import { inspectBoard } from '../src/simulator/boards/board.ts';
import { encodePng } from '../src/simulator/boards/png.ts';
import { makeProducts, type Product, writeProducts } from '../src/simulator/products.ts';
import type { RunningPlatform } from '../test/support/platform.ts';

/** Milliseconds from the POST of an inspection to its verdict, upload included, one board at a time over the public API. */
export async function measureBoards(
  platform: RunningPlatform,
  count: number,
): Promise<{ boards: number; p50: number; p95: number; model_ms: number }> {
  const erp = platform.station('erp-hamburg');
  const [product] = makeProducts(5, 1) as [Product];
  await writeProducts(erp, [product]);
  await erp.send('PUT', '/v1/lots/LOT-2026-001', { product: product.code, revision: product.revision });
  const station = platform.station();
  const millis: number[] = [];
  let model = 0;
  for (let index = -3; index < count; index += 1) {
    const picture = encodePng(inspectBoard(product.template, { seed: 100 + index, defects: index % 4 === 0 ? 2 : 0 }).picture);
    const began = performance.now();
    const { id } = await station.send<Inspection>('POST', '/v1/inspections', {
      lot_id: 'LOT-2026-001',
      chip_id: `BENCH-${index + 10}`,
      inspection_type: 'visual',
    });
    await station.upload('POST', `/v1/inspections/${id}/artifacts?kind=image`, picture, 'image/png');
    const judged = await station.get<Inspection>(`/v1/inspections/${id}?wait=20&include=inference`);
    if (index < 0) continue;
    millis.push(performance.now() - began);
    model += judged.inference?.[0]?.timings_ms.total ?? 0;
  }
  millis.sort((one, other) => one - other);
  const at = (share: number) => millis[Math.floor((millis.length - 1) * share)] ?? 0;
  return { boards: count, p50: at(0.5), p95: at(0.95), model_ms: model / count };
}
