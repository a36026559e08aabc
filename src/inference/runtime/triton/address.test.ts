import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tritonAddress } from './address.ts';

test('an address without a scheme is gRPC, port 8001 when none is said; http:// is HTTP', () => {
  assert.deepEqual(tritonAddress('triton'), { protocol: 'grpc', target: 'triton:8001' });
  assert.deepEqual(tritonAddress('triton.plant:9001'), { protocol: 'grpc', target: 'triton.plant:9001' });
  assert.deepEqual(tritonAddress('grpc://[::1]:8001'), { protocol: 'grpc', target: '[::1]:8001' });
  assert.deepEqual(tritonAddress('http://triton/'), { protocol: 'http', target: 'triton:8000' });
  for (const bad of ['', 'https://a:1', 'a:0', 'a:70000', 'a b:1', 'http://a:1/v2', 'user@a:1', '::1'])
    assert.throws(() => tritonAddress(bad), /is not host:port/, bad);
});
