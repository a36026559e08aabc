import { DELIVERY_LIMITS } from '../../src/platform/bus/deliver.ts';
import { postgresBus } from '../../src/platform/bus/postgres-bus.ts';
import { openTail } from '../../src/platform/bus/tail.ts';
import { openDoor } from '../../src/platform/db/door.ts';
import { busContract } from './bus.contract.ts';

busContract('outbox in PostgreSQL', {
  async open(database, t) {
    const db = database.open({ poolSize: 12, overflow: 0 });
    const tail = openTail({ db });
    const door = openDoor({ db, source: 'test', wake: () => tail.wake() });
    const limits = { ...DELIVERY_LIMITS, retryDelaysMs: [10, 10, 20, 20] };
    const bus = postgresBus({ db, door, tail, leaseMs: 1_200, limits });
    let dead = false;
    t.after(async () => {
      if (!dead) await bus.stop();
    });
    return {
      bus,
      door,
      async die() {
        dead = true;
        await db.close();
        void bus.stop();
      },
    };
  },
});
