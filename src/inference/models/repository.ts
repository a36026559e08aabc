import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, readManifest } from './manifest.ts';

/** A model whose bytes are those that its manifest names. These very bytes are run: the file is not read a second time. */
export interface VerifiedModel {
  manifest: Manifest;
  bytes: Uint8Array;
  /** `<name>/<version>`, where `golden.json` lies. */
  folder?: string;
  /** Markdown. */
  card?: string | null;
}

export interface Repository {
  models: VerifiedModel[];
  /** Folders that hold no usable model, and why. */
  refused: { folder: string; reason: string }[];
}

/** Nothing says which models there are. */
export class ModelsUnreadable extends Error {
  override readonly name = 'ModelsUnreadable';
}

/** Characters of a model card that are kept. */
const CARD = 65_536;
const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
const textAt = (file: string): Promise<string | null> => readFile(file, 'utf8').catch(() => null);

/** @throws Error when the bytes are not those of the manifest */
export async function verifiedBytes(folder: string, sha256: string): Promise<Uint8Array> {
  const bytes = await readFile(join(folder, 'model.onnx'));
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== sha256) throw new Error(`model.onnx has sha256 ${found}, the manifest says ${sha256}`);
  return bytes;
}

async function readVersion(name: string, number: number, folder: string): Promise<VerifiedModel> {
  const manifest = readManifest(await readFile(join(folder, 'manifest.json'), 'utf8'));
  if (manifest.name !== name) throw new Error(`the manifest names ${manifest.name}`);
  if (manifest.version !== number) throw new Error(`the manifest is of version ${manifest.version}`);
  return {
    manifest,
    bytes: await verifiedBytes(folder, manifest.sha256),
    folder,
    card: (await textAt(join(folder, 'card.md')))?.slice(0, CARD) ?? null,
  };
}

/** Each version by itself: one that is not as it should be keeps none of the others out. */
async function readModel(name: string, under: string, repository: Repository): Promise<void> {
  const numbers = (await readdir(under, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && /^[1-9]\d{0,8}$/.test(entry.name))
    .map((entry) => Number(entry.name))
    .sort((one, other) => one - other);
  if (numbers.length === 0) repository.refused.push({ folder: name, reason: 'no folder of a version' });
  for (const number of numbers)
    await readVersion(name, number, join(under, String(number))).then(
      (model) => repository.models.push(model),
      (error: unknown) => repository.refused.push({ folder: `${name}/${number}`, reason: wordsOf(error) }),
    );
}

/**
 * Reads every version, by name and number: `<name>/<version>/` with `manifest.json`, `model.onnx`, `golden.json` and `card.md`. An inference server that
 * reads the same repository passes over what it does not know inside a version's folder.
 * @throws ModelsUnreadable when there is no such folder, or it cannot be read: that is a mistake in the setting, an empty one may be filled later
 */
export async function readRepository(folder: string): Promise<Repository> {
  const repository: Repository = { models: [], refused: [] };
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such folder' : error.message;
    throw new ModelsUnreadable(`MODELS_DIR=${JSON.stringify(folder)} cannot be read: ${why}`, { cause: error });
  });
  for (const entry of entries.filter((candidate) => candidate.isDirectory()).sort((one, other) => (one.name < other.name ? -1 : 1)))
    await readModel(entry.name, join(folder, entry.name), repository);
  return repository;
}
