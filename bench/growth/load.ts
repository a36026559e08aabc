import { Agent, request } from 'node:http';

export interface Call {
  method: 'GET' | 'POST';
  path: string;
  token: string;
  body?: string;
}

/** One request over a kept connection; rejects for anything but 200 and 201. */
function send(agent: Agent, port: number, call: Call): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${call.token}`,
      ...(call.body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(call.body) }),
    };
    const sent = request({ agent, host: '127.0.0.1', port, method: call.method, path: call.path, headers, timeout: 20_000 }, (answer) => {
      answer.resume();
      answer.once('end', () => {
        if (answer.statusCode === 200 || answer.statusCode === 201) resolve();
        else reject(new Error(`${call.method} ${call.path} answered ${answer.statusCode}`));
      });
      answer.once('error', reject);
    });
    sent.once('timeout', () => sent.destroy(new Error(`${call.method} ${call.path} took 20 s`)));
    sent.once('error', reject);
    sent.end(call.body);
  });
}

/** `connections` loops, each sending its next request when the last is answered, for this long. Answers latencies in ms, sorted. */
export async function load(port: number, connections: number, millis: number, next: () => Call): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  const end = performance.now() + millis;
  try {
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (performance.now() < end) {
          const began = performance.now();
          await send(agent, port, next());
          latencies.push(performance.now() - began);
        }
      }),
    );
  } finally {
    agent.destroy();
  }
  return latencies.sort((one, other) => one - other);
}
