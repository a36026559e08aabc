import { createHash } from 'node:crypto';
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider';
import type { Database } from '../platform/db/database.ts';

const hashed = (id: string): string => createHash('sha256').update(id).digest('base64url');

interface StateRow {
  payload: AdapterPayload;
  consumed: string | null;
}

const COLUMNS = 'payload, extract(epoch from consumed_at)::bigint as consumed';
const LIVE = '(expires_at is null or expires_at > now())';

/**
 * The provider's memory for one of its models, in `identity.provider_state`. The ids are bearer values (codes, refresh tokens, session
 * cookies): only their hash is stored. This is protocol state, not a record of the plant: it does not pass the door and has no audit.
 */
export function stateStore(db: Database, model: string): Adapter {
  async function one(where: string, value: string): Promise<StateRow | undefined> {
    const found = await db.pool.query<StateRow>(
      `select ${COLUMNS} from identity.provider_state where model = $1 and ${where} = $2 and ${LIVE} limit 1`,
      [model, value],
    );
    return found.rows[0];
  }
  const shown = (row: StateRow | undefined, jti?: string): AdapterPayload | undefined =>
    row && {
      ...row.payload,
      ...(jti === undefined ? {} : { jti }),
      ...(row.consumed === null ? {} : { consumed: Number(row.consumed) }),
    };

  return {
    async upsert(id, payload, expiresIn) {
      const { jti: _bearer, ...kept } = payload;
      await db.pool.query(
        `insert into identity.provider_state (model, id, payload, grant_id, uid, user_code, expires_at)
         values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 second')
         on conflict (model, id) do update set payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid,
           user_code = excluded.user_code, expires_at = excluded.expires_at`,
        [
          model,
          hashed(id),
          JSON.stringify(kept),
          payload.grantId ?? null,
          payload.uid ?? null,
          payload.userCode ?? null,
          expiresIn ?? null,
        ],
      );
    },
    async find(id) {
      return shown(await one('id', hashed(id)), id);
    },
    async findByUid(uid) {
      return shown(await one('uid', uid));
    },
    async findByUserCode(userCode) {
      return shown(await one('user_code', userCode));
    },
    /** Once: of two who bring the same code or refresh token at the same moment, the second loses the whole grant (RFC 9700, 4.14). */
    async consume(id) {
      const done = await db.pool.query(
        'update identity.provider_state set consumed_at = now() where model = $1 and id = $2 and consumed_at is null',
        [model, hashed(id)],
      );
      if (done.rowCount === 1) return;
      const found = await db.pool.query<{ grant_id: string | null }>(
        'select grant_id from identity.provider_state where model = $1 and id = $2',
        [model, hashed(id)],
      );
      const grantId = found.rows[0]?.grant_id;
      if (grantId)
        await db.pool.query(`delete from identity.provider_state where grant_id = $1 or (model = 'Grant' and id = $2)`, [
          grantId,
          hashed(grantId),
        ]);
      throw new errors.InvalidGrant('already consumed');
    },
    async destroy(id) {
      await db.pool.query('delete from identity.provider_state where model = $1 and id = $2', [model, hashed(id)]);
    },
    async revokeByGrantId(grantId) {
      await db.pool.query('delete from identity.provider_state where model = $1 and grant_id = $2', [model, grantId]);
    },
  };
}
