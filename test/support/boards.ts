import sharp from 'sharp';

export interface Patch {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * A board as a 1-bit PNG, copper black: vertical tracks of 16 px every 32 px, in which `lost` patches have no copper and `gained` ones have.
 * Patches that fill a cell of 8 x 8 make the tiny model sure; smaller ones less so.
 */
export async function drawBoard(
  { width = 64, height = 64 }: { width?: number; height?: number } = {},
  { lost = [], gained = [] }: { lost?: Patch[]; gained?: Patch[] } = {},
): Promise<Buffer> {
  const pixels = new Uint8Array(width * height).fill(255);
  const paint = ({ x, y, width: w, height: h }: Patch, value: number) => {
    for (let row = y; row < y + h; row += 1) pixels.fill(value, row * width + x, row * width + x + w);
  };
  for (let x = 0; x < width; x += 32) paint({ x, y: 0, width: Math.min(16, width - x), height }, 0);
  for (const patch of lost) paint(patch, 255);
  for (const patch of gained) paint(patch, 0);
  return await sharp(pixels, { raw: { width, height, channels: 1 } })
    .png({ palette: true, colours: 2 })
    .toBuffer();
}
