import { test } from 'node:test';
import { postgresBus } from '../../src/platform/bus/postgres-bus.ts';
import { underForgottenNumbers } from '../proof/engines/forgotten-numbers.ts';

test(
  'transaction numbers that PostgreSQL gave out, forgot when it died and gives out again: what is written under them reaches the groups',
  {
    skip: process.platform === 'linux' ? false : 'a PostgreSQL of its own is for Linux',
    timeout: 250_000,
  },
  (t) => underForgottenNumbers(t, postgresBus),
);
