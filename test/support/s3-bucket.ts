import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { Blobs } from '../../src/platform/blob/blobs.ts';
import { openS3Blobs } from '../../src/platform/blob/s3.ts';

/** `http://key:secret@host:port`; any key will do where the server asks for none. Null without TEST_S3_ENDPOINT. */
function testServer(): { endpoint: string; port: number; credentials: { accessKeyId: string; secretAccessKey: string } } | null {
  if (!process.env.TEST_S3_ENDPOINT) return null;
  const { origin, port, username, password } = new URL(process.env.TEST_S3_ENDPOINT);
  return {
    endpoint: origin,
    port: Number(port),
    credentials: { accessKeyId: username || 'test', secretAccessKey: password || 'secret-of-tests' },
  };
}

export const withoutS3 = process.env.TEST_S3_ENDPOINT ? false : 'TEST_S3_ENDPOINT is not set';

export interface TestBucket {
  readonly bucket: string;
  readonly endpoint: string;
  /** Of the server. */
  readonly port: number;
  /** The settings of a program that keeps its files here. */
  readonly environment: Record<string, string>;
  /** A store of blobs in it with an arrival folder of its own; at another port: through a link. */
  blobs(more?: { port?: number; bucket?: string; log?: (reason: unknown) => void }): Promise<Blobs>;
  /** What it holds, and what has arrived in the folders of `blobs`. */
  names(): Promise<string[]>;
}

/** A bucket of its own on the server that the run was given. */
export async function openBucket(t: { after(fn: () => Promise<void>): void }): Promise<TestBucket> {
  const server = testServer();
  if (server === null) throw new Error('TEST_S3_ENDPOINT is not set');
  const { endpoint, port, credentials } = server;
  const region = 'us-east-1';
  const bucket = `test-${randomUUID()}`;
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  t.after(async () => client.destroy());
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const folders: string[] = [];
  return {
    bucket,
    endpoint,
    port,
    environment: {
      S3_ENDPOINT: endpoint,
      S3_BUCKET: bucket,
      S3_ACCESS_KEY_ID: credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    async blobs(more = {}) {
      const folder = await mkdtemp(join(tmpdir(), 'cqp-s3-'));
      folders.push(folder);
      const log = { info: () => undefined, warn: (facts: object) => more.log?.(facts) };
      const place = { endpoint: `http://127.0.0.1:${more.port ?? port}`, bucket: more.bucket ?? bucket, region, credentials };
      const blobs = await openS3Blobs({ ...place, folder, minFreePercent: 0, log });
      t.after(async () => {
        await blobs.close();
        await rm(folder, { recursive: true, force: true });
      });
      return blobs;
    },
    async names() {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      const arriving = await Promise.all(folders.map((folder) => readdir(join(folder, 'arriving')).catch(() => [])));
      return [...Contents.map(({ Key = '' }) => Key.slice(3)), ...arriving.flat()];
    },
  };
}
