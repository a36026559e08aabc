import { busContract } from './bus.contract.ts';

busContract('outbox in PostgreSQL', { place: () => ({ brokers: '', prefix: '' }), quickMs: 1_000 });
