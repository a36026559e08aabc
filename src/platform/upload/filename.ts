/** Control characters, and the marks that make a name read backwards on a screen. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A sender's file name as text for people: no folders, nothing unseen, at most 200 characters. It never names a file of ours. */
export function plainFilename(given: string | null | undefined): string | null {
  const name = (given ?? '').toWellFormed().replaceAll(UNSEEN, '').split(/[/\\]/).at(-1)?.trim() ?? '';
  return name === '' || name === '.' || name === '..' ? null : name.slice(0, 200).toWellFormed();
}

/** The name in a `Content-Disposition` header (RFC 6266); the encoded form goes before the plain one. */
export function dispositionFilename(header: string | undefined): string | null {
  if (header === undefined) return null;
  const encoded = /filename\*\s*=\s*utf-8''([^;]+)/i.exec(header)?.[1];
  if (encoded !== undefined) {
    try {
      return plainFilename(decodeURIComponent(encoded.trim()));
    } catch {
      return null;
    }
  }
  const found = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(header);
  return plainFilename(found?.[1]?.replaceAll(/\\(.)/g, '$1') ?? found?.[2]);
}
