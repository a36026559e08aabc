/** Bytes from the start of a file that `detect` looks at. */
export const HEAD_BYTES = 1024;

function startsWith(head: Buffer, bytes: readonly number[], at = 0): boolean {
  return bytes.every((byte, index) => head[at + index] === byte);
}

/**
 * The type that the first bytes prove: PNG (ISO 15948, 5.2), JPEG (T.81, SOI and a marker), WebP (RFC 9649), TIFF 6.0 and BigTIFF, PDF (ISO 32000: the
 * header lies within the first 1,024 bytes). `null` for everything else, text among it, which carries no such mark.
 */
export function detect(head: Buffer): string | null {
  if (startsWith(head, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'image/png';
  if (startsWith(head, [0xff, 0xd8, 0xff])) return 'image/jpeg';
  if (startsWith(head, [0x52, 0x49, 0x46, 0x46]) && startsWith(head, [0x57, 0x45, 0x42, 0x50], 8)) return 'image/webp';
  if (startsWith(head, [0x49, 0x49]) && (head[2] === 42 || head[2] === 43) && head[3] === 0) return 'image/tiff';
  if (startsWith(head, [0x4d, 0x4d, 0x00]) && (head[3] === 42 || head[3] === 43)) return 'image/tiff';
  if (head.subarray(0, HEAD_BYTES).includes('%PDF-')) return 'application/pdf';
  return null;
}
