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

async function verified(name: string, under: string, text: string, card: string): Promise<VerifiedModel> {
  const manifest = readManifest(text);
  if (manifest.name !== name) throw new Error(`the manifest names ${manifest.name}`);
  const folder = join(under, String(manifest.version));
  return { manifest, bytes: await verifiedBytes(folder, manifest.sha256), folder, card: (await textAt(card))?.slice(0, CARD) ?? null };
}

/** The versions of one model: that of `<name>/manifest.json`, and each other that has its manifest (and `card.md`) in its own folder. */
async function readModel(name: string, under: string, repository: Repository): Promise<void> {
  const refuse = (folder: string) => (error: unknown) => void repository.refused.push({ folder, reason: wordsOf(error) });
  const seen = new Set<number>();
  const keep = (model: VerifiedModel) => {
    if (seen.has(model.manifest.version)) return;
    seen.add(model.manifest.version);
    repository.models.push(model);
  };
  const numbers = (await readdir(under, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && /^[1-9]\d{0,8}$/.test(entry.name))
    .map((entry) => Number(entry.name))
    .sort((one, other) => one - other);
  const inner = new Map<number, string>();
  for (const number of numbers) {
    const text = await textAt(join(under, String(number), 'manifest.json'));
    if (text !== null) inner.set(number, text);
  }
  const outer = await readFile(join(under, 'manifest.json'), 'utf8').catch((error: unknown) => {
    if (inner.size === 0) refuse(name)(error);
    return null;
  });
  if (outer !== null) await verified(name, under, outer, join(under, 'card.md')).then(keep, refuse(name));
  for (const [number, text] of inner) {
    const own = async () => {
      const model = await verified(name, under, text, join(under, String(number), 'card.md'));
      if (model.manifest.version !== number) throw new Error(`the manifest is of version ${model.manifest.version}`);
      return model;
    };
    await own().then(keep, refuse(`${name}/${number}`));
  }
}

/**
 * Reads every folder: `<name>/manifest.json` or `<name>/<version>/manifest.json`, and `<name>/<version>/model.onnx`. An inference server that reads the
 * same repository passes over what it does not know inside a version's folder. A missing repository holds no models.
 */
export async function readRepository(folder: string): Promise<Repository> {
  const repository: Repository = { models: [], refused: [] };
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    repository.refused.push({ folder: '.', reason: error.code ?? error.message });
    return [];
  });
  for (const entry of entries.filter((candidate) => candidate.isDirectory()).sort((one, other) => (one.name < other.name ? -1 : 1)))
    await readModel(entry.name, join(folder, entry.name), repository);
  return repository;
}
