export interface TritonAddress {
  /** HTTP with binary tensors, or gRPC. */
  protocol: 'grpc' | 'http';
  /** `host:port` */
  target: string;
}
