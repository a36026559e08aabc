import type { RevisionWrite } from '../contracts/masterdata.ts';
import { makeTemplate, type Template } from './boards/board.ts';
import { encodePng } from './boards/png.ts';
import type { PlatformClient } from './client.ts';
import { Refused } from './client.ts';

/** A product of the simulated plant: its board and the limits that its measurements are held to. */
export interface Product {
  readonly code: string;
  readonly revision: string;
  readonly template: Template;
  readonly characteristics: readonly Characteristic[];
}

export interface Characteristic {
  readonly type: 'electrical' | 'thermal' | 'dimensional';
  readonly characteristic: string;
  readonly unit: string;
  readonly lsl: number | null;
  readonly usl: number | null;
  readonly target: number;
  /** Standard deviation of the process. */
  readonly sigma: number;
}

const CHARACTERISTICS: readonly Characteristic[] = [
  { type: 'electrical', characteristic: 'net_resistance', unit: 'ohm', lsl: 0.8, usl: 1.2, target: 1, sigma: 0.04 },
  { type: 'electrical', characteristic: 'supply_current', unit: 'mA', lsl: 40, usl: 60, target: 50, sigma: 2.2 },
  { type: 'thermal', characteristic: 'hot_spot', unit: 'degC', lsl: null, usl: 85, target: 68, sigma: 3.8 },
  { type: 'dimensional', characteristic: 'thickness', unit: 'mm', lsl: 1.5, usl: 1.7, target: 1.6, sigma: 0.022 },
  { type: 'dimensional', characteristic: 'hole_diameter', unit: 'mm', lsl: 0.27, usl: 0.33, target: 0.3, sigma: 0.0068 },
];

/** The boards of the plant, drawn from the seed: a code keeps its board for ever, so another seed gives other codes. */
export function makeProducts(seed: number, count = 3): Product[] {
  return Array.from({ length: count }, (_, index) => ({
    code: `BOARD-${seed}-${String.fromCharCode(65 + index)}`,
    revision: 'R1',
    template: makeTemplate(seed * 1000 + index),
    characteristics: CHARACTERISTICS,
  }));
}

/** Writes product revisions and golden templates through the public API. A revision that lots already use is left as it is. */
export async function writeProducts(erp: PlatformClient, products: readonly Product[]): Promise<void> {
  for (const product of products) {
    const path = `/v1/products/${product.code}/revisions/${product.revision}`;
    const revision: RevisionWrite = {
      description: `Simulated board, style ${product.template.style}`,
      limits: product.characteristics.map(({ characteristic, unit, lsl, usl, target }) => ({ characteristic, unit, lsl, usl, target })),
    };
    try {
      await erp.send('PUT', path, revision);
      await erp.upload('PUT', `${path}/template`, encodePng(product.template.golden), 'image/png');
    } catch (error) {
      if (!(error instanceof Refused && error.status === 409)) throw error;
    }
  }
}
