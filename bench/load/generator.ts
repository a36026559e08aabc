import { connect } from 'node:net';
import { parseArgs } from 'node:util';

/**
 * A closed-loop load over HTTP/1.1 in a process of its own: `connections` sockets, each sending its next request when its answer is whole. Lean on
 * purpose (bytes in, status and Content-Length out), because on two cores the generator competes with the server that it measures.
 * Prints one JSON line: {requests, errors, statuses, seconds, p50, p95, p99} with latencies in ms.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    path: { type: 'string', default: '/v1/inspections' },
    tokens: { type: 'string', default: '' },
    connections: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '1' },
  },
});

const host = '127.0.0.1';
/** Several clients, so that no one of them meets its rate limit. */
const tokens = values.tokens.split(',');
let serial = 0;
function request(): Buffer {
  serial += 1;
  const body = JSON.stringify({
    lot_id: `LOT-2026-${String(1 + (serial % 900)).padStart(3, '0')}`,
    chip_id: `PCB-${process.pid}-${Date.now().toString(36)}-${serial}`,
    inspection_type: 'electrical',
    priority: 5,
    station_metadata: { operator: 'john.doe', shift: 'morning' },
  });
  return Buffer.from(
    `POST ${values.path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${tokens[serial % tokens.length]}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

const latencies: number[] = [];
const statuses: Record<string, number> = {};
let errors = 0;
let counting = false;
let running = true;

function client(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port: Number(values.port), host, noDelay: true });
    let pending = Buffer.alloc(0);
    let sent = 0;
    const send = () => {
      if (!running) {
        socket.end();
        return;
      }
      sent = performance.now();
      socket.write(request());
    };
    socket.on('connect', send);
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const head = pending.indexOf('\r\n\r\n');
      if (head < 0) return;
      const headers = pending.toString('latin1', 0, head);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(headers)?.[1] ?? 0);
      if (pending.length < head + 4 + length) return;
      if (counting) {
        const status = headers.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        latencies.push(performance.now() - sent);
      }
      pending = pending.subarray(head + 4 + length);
      send();
    });
    socket.on('error', () => {
      errors += 1;
    });
    socket.on('close', () => resolve());
  });
}

const clients = Array.from({ length: Number(values.connections) }, client);
setTimeout(() => {
  counting = true;
  process.send?.('counting');
}, Number(values.warmup) * 1000);
setTimeout(
  () => {
    counting = false;
    running = false;
    process.send?.('counted');
  },
  (Number(values.warmup) + Number(values.seconds)) * 1000,
);
await Promise.race([
  Promise.all(clients),
  new Promise((resolve) => setTimeout(resolve, (Number(values.warmup) + Number(values.seconds) + 5) * 1000)),
]);
latencies.sort((one, other) => one - other);
const at = (share: number) => Number((latencies[Math.floor((latencies.length - 1) * share)] ?? 0).toFixed(3));
console.log(
  JSON.stringify({
    requests: latencies.length,
    errors,
    statuses,
    seconds: Number(values.seconds),
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
  }),
);
process.exit(0);
