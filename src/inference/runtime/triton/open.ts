import type { TritonAddress } from './address.ts';
import type { TritonClient } from './client.ts';
import { grpcClient } from './grpc.ts';
import { httpClient } from './http.ts';
import { type TritonOptions, type TritonRuntime, tritonRuntime } from './runtime.ts';

/** The maker of the protocol that the address names. */
export const tritonClient = ({ protocol, target }: TritonAddress): TritonClient =>
  protocol === 'grpc' ? grpcClient(target) : httpClient(`http://${target}`);

/** Begins to watch the server and answers at once: whether it is there shows in `ready`. */
export const openTriton = ({ address, ...options }: Omit<TritonOptions, 'client'> & { address: TritonAddress }): TritonRuntime =>
  tritonRuntime({ ...options, client: tritonClient(address) });
