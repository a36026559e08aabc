/** Where a Triton listens when nobody says: 8001 for gRPC, 8000 for HTTP. */
const PORTS = { grpc: 8001, http: 8000 } as const;

export interface TritonAddress {
  protocol: keyof typeof PORTS;
  /** `host:port` */
  target: string;
}

/** Reads TRITON_URL: `host`, `host:port` and `grpc://host:port` mean gRPC, `http://host:port` HTTP with binary tensors. @throws Error in words */
export function tritonAddress(text: string): TritonAddress {
  const found = /^(?:(grpc|http):\/\/)?(\[[0-9a-f:.]+\]|[^\s:/[\]@?#]+)(?::(\d{1,5}))?\/?$/i.exec(text);
  const protocol = (found?.[1]?.toLowerCase() ?? 'grpc') as TritonAddress['protocol'];
  const port = Number(found?.[3] ?? PORTS[protocol]);
  if (!found || port < 1 || port > 65_535)
    throw new Error(`${JSON.stringify(text)} is not host:port, grpc://host:port or http://host:port`);
  return { protocol, target: `${found[2]}:${port}` };
}
