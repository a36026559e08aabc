import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { openStation } from '../../src/station-client/index.ts';
import { commandOptions } from '../../tools/command-options.ts';

/** A station that inspects without a pause and writes down, after each promise that was kept, what it was promised. Ends with SIGTERM when all is sent. */
const { values } = commandOptions({
  options: {
    url: { type: 'string', default: '' },
    credentials: { type: 'string', default: '' },
    station: { type: 'string', default: '' },
    folder: { type: 'string', default: '' },
    promised: { type: 'string', default: '' },
    report: { type: 'string', default: '' },
    run: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(
    'usage: node test/proof/station-worker.ts --url URL --credentials FILE --station ID --folder FOLDER --promised FILE --report FILE --run N',
  );
  process.exit(0);
}
interface Clients {
  token_endpoint: string;
  clients: { station_id?: string; client_id: string; client_secret: string }[];
}
const { token_endpoint: tokenEndpoint, clients } = JSON.parse(readFileSync(values.credentials, 'utf8')) as Clients;
const client = clients.find(({ station_id }) => station_id === values.station);
if (!client) throw new Error(`no client of ${values.station}`);
const station = await openStation({
  url: values.url,
  credentials: { clientId: client.client_id, clientSecret: client.client_secret, tokenEndpoint },
  stationId: values.station,
  folder: values.folder,
});
let stopping = false;
process.once('SIGTERM', () => {
  stopping = true;
});
const promised = (line: object) => appendFileSync(values.promised, `${JSON.stringify(line)}\n`);

async function inspect(serial: number): Promise<void> {
  const chip_id = `ST-${values.run}-${serial}`;
  // A look of some days ago: what the platform keeps has to be this and not the time of its arrival.
  const inspected_at = new Date(Date.now() - (serial % 50) * 86_400_000).toISOString();
  const { ref, station_sequence } = await station.post({ lot_id: 'LOT-2026-001', chip_id, inspection_type: 'electrical', inspected_at });
  promised({ chip_id, station_sequence, inspected_at });
  if (serial % 10 !== 0) return;
  await station.measure(ref, [{ characteristic: 'net_resistance', unit: 'ohm', value: 1 }]);
  promised({ chip_id, measured: true });
}

for (let serial = 0; !stopping; serial += 4) {
  await Promise.all([0, 1, 2, 3].map((more) => inspect(serial + more)));
  await pause(20);
}
for (const end = Date.now() + 120_000; station.status().queued > 0 && Date.now() < end; ) await pause(50);
writeFileSync(values.report, JSON.stringify({ status: station.status(), gaps: await station.gaps() }));
await station.close();
