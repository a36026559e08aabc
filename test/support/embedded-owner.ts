import { type EmbeddedOptions, startEmbedded } from '../../src/platform/db/embedded/embedded.ts';

/** A platform that does nothing but own an embedded server: tests kill it. `node embedded-owner.ts FOLDER [isolation]` */
const [, , dataDir = '', isolation] = process.argv;
try {
  const server = await startEmbedded({
    dataDir,
    ...(isolation ? { isolation: isolation as NonNullable<EmbeddedOptions['isolation']> } : {}),
  });
  process.stdout.write(`${JSON.stringify(server.address)}\n`);
  const hold = setInterval(() => {}, 60_000);
  process.on('SIGTERM', () => {
    clearInterval(hold);
    void server.stop();
  });
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  process.exitCode = 3;
}
