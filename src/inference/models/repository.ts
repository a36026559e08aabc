import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, readManifest } from './manifest.ts';

/** A model whose bytes are those that its manifest names. These very bytes are run: the file is not read a second time. */
export interface VerifiedModel {
  manifest: Manifest;
  bytes: Uint8Array;
}

export interface Repository {
  models: VerifiedModel[];
  /** Folders that hold no usable model, and why. */
  refused: { folder: string; reason: string }[];
}

async function verified(folder: string): Promise<VerifiedModel> {
  const manifest = readManifest(await readFile(join(folder, 'manifest.json'), 'utf8'));
  const bytes = await readFile(join(folder, String(manifest.version), 'model.onnx'));
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== manifest.sha256) throw new Error(`model.onnx has sha256 ${found}, the manifest says ${manifest.sha256}`);
  return { manifest, bytes };
}

/** Reads `<name>/manifest.json` and `<name>/<version>/model.onnx` of every folder. A missing repository holds no models. */
export async function readRepository(folder: string): Promise<Repository> {
  const repository: Repository = { models: [], refused: [] };
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    repository.refused.push({ folder: '.', reason: error.code ?? error.message });
    return [];
  });
  for (const entry of entries.filter((candidate) => candidate.isDirectory()).sort((one, other) => (one.name < other.name ? -1 : 1))) {
    try {
      const model = await verified(join(folder, entry.name));
      if (model.manifest.name !== entry.name) throw new Error(`the manifest names ${model.manifest.name}`);
      repository.models.push(model);
    } catch (error) {
      repository.refused.push({ folder: entry.name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return repository;
}
