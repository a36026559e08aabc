import { tritonAddress } from './address.ts';
import type { TritonClient } from './client.ts';
import { grpcClient } from './grpc.ts';
import { httpClient } from './http.ts';
import { type TritonOptions, type TritonRuntime, tritonRuntime } from './runtime.ts';

/** The maker of the protocol that the address names. @throws Error in words */
export function tritonClient(url: string): TritonClient {
  const { protocol, target } = tritonAddress(url);
  return protocol === 'grpc' ? grpcClient(target) : httpClient(`http://${target}`);
}

/** Begins to watch the server and answers at once: whether it is there shows in `ready`. */
export const openTriton = ({ url, ...options }: Omit<TritonOptions, 'client'> & { url: string }): TritonRuntime =>
  tritonRuntime({ ...options, client: tritonClient(url) });
