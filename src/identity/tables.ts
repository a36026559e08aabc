import type { ColumnType, Generated } from 'kysely';
import type { Role } from '../contracts/permissions.ts';

type Text<T> = ColumnType<T, string, string>;

/** What migration 0002 makes. */
export interface IdentityTables {
  'identity.person': {
    id: string;
    username: string;
    name: string;
    password_hash: string;
    roles: Role[];
    site: string;
    disabled: Generated<boolean>;
    failed_attempts: Generated<number>;
    last_failure_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
    locked_until: ColumnType<Date | null, Date | null | undefined, Date | null>;
    created_at: Generated<Date>;
  };
  'identity.client': {
    client_id: string;
    name: string;
    secret_hash: string;
    roles: Role[];
    site: string;
    station_id: string | null;
    disabled: Generated<boolean>;
    created_at: Generated<Date>;
  };
  'identity.signing_key': {
    kid: string;
    alg: string;
    public_jwk: Text<Record<string, unknown>>;
    private_sealed: string;
    created_at: Generated<Date>;
  };
  'identity.sealed': { name: string; value: string; created_at: Generated<Date> };
  'identity.provider_state': {
    model: string;
    id: string;
    payload: Text<Record<string, unknown>>;
    grant_id: string | null;
    uid: string | null;
    user_code: string | null;
    expires_at: Date | null;
    consumed_at: Date | null;
  };
  'identity.revoked_token': { jti: string; expires_at: Date };
}
