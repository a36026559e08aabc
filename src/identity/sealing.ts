import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Closes and opens small secrets that lie in the database. `name` is bound to the value: one cannot be put in another's place. */
export interface Seal {
  close(name: string, plain: string): string;
  /** @throws SealBroken when the secret is another one, or the value was changed */
  open(name: string, sealed: string): string;
}

export class SealBroken extends Error {
  override readonly name = 'SealBroken';
  constructor(name: string, cause: unknown) {
    super(
      `${name} in the database was sealed with another identity secret: set IDENTITY_SECRET (or put the file identity-secret back into the data directory) as it was`,
      { cause },
    );
  }
}

const VERSION = 'v1';

/** AES-256-GCM; the key comes out of scrypt (N=2^14), so that a secret typed by a person is not the key itself. */
export function createSeal(secret: string): Seal {
  const key = scryptSync(secret, 'chip-quality-platform identity', 32, { N: 16_384, r: 8, p: 1 });
  return {
    close(name, plain) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return `${VERSION}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(name, sealed) {
      try {
        const [version, text = ''] = sealed.split('.');
        if (version !== VERSION) throw new Error(`unknown form ${version}`);
        const bytes = Buffer.from(text, 'base64url');
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
        decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(12, 28));
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
      } catch (error) {
        throw new SealBroken(name, error);
      }
    },
  };
}

/**
 * The secret of a data directory, made at the first start (mode 0600). Two processes that start together agree on the first one's: it is written whole
 * beside its place and then linked there, so that nobody reads half of it.
 */
export async function secretOf(dataDir: string): Promise<string> {
  const file = join(dataDir, 'identity-secret');
  await mkdir(dataDir, { recursive: true });
  const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return null;
  });
  const secret = (known ?? (await makeSecret(file))).trim();
  if (secret.length < 32) throw new Error(`${file} is not an identity secret`);
  return secret;
}

async function makeSecret(file: string): Promise<string> {
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(file, 'utf8');
}
