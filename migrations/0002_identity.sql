-- Identity: who may come in. People, machines, the keys that sign tokens, and what the OpenID provider has to remember between two requests.
CREATE SCHEMA identity;

-- `username` is kept as it is compared: NFKC, case-folded. Roles are names of the one table of the contracts.
CREATE TABLE identity.person (
  id              uuid PRIMARY KEY,
  username        text NOT NULL UNIQUE,
  name            text NOT NULL,
  password_hash   text NOT NULL,
  roles           text[] NOT NULL,
  site            text NOT NULL,
  disabled        boolean NOT NULL DEFAULT false,
  failed_attempts integer NOT NULL DEFAULT 0,
  last_failure_at timestamptz,
  locked_until    timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now()
);

-- Machines. The secret is 256 random bits, so its SHA-256 is all that is needed: there is nothing to guess.
CREATE TABLE identity.client (
  client_id   text PRIMARY KEY,
  name        text NOT NULL,
  secret_hash text NOT NULL,
  roles       text[] NOT NULL,
  site        text NOT NULL,
  station_id  text UNIQUE,
  disabled    boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT station_has_its_id CHECK ((station_id IS NOT NULL) = ('inspection_station' = ANY (roles)))
);

-- The newest key signs; all of them verify. The private half is sealed (AES-256-GCM) with the identity secret.
CREATE TABLE identity.signing_key (
  kid            text PRIMARY KEY,
  alg            text NOT NULL,
  public_jwk     jsonb NOT NULL,
  private_sealed text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now()
);

-- Other things that only the identity secret opens: the cookie key, the passwords and secrets of the demo accounts.
CREATE TABLE identity.sealed (
  name       text PRIMARY KEY,
  value      text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Sessions, grants, codes, refresh tokens. `id` is the SHA-256 of what the bearer holds: a reader of this table cannot become anybody.
CREATE TABLE identity.provider_state (
  model       text NOT NULL,
  id          text NOT NULL,
  payload     jsonb NOT NULL,
  grant_id    text,
  uid         text,
  user_code   text,
  expires_at  timestamptz,
  consumed_at timestamptz,
  PRIMARY KEY (model, id)
);
CREATE INDEX provider_state_grant ON identity.provider_state (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX provider_state_uid ON identity.provider_state (uid) WHERE uid IS NOT NULL;
CREATE INDEX provider_state_user_code ON identity.provider_state (user_code) WHERE user_code IS NOT NULL;
CREATE INDEX provider_state_expiry ON identity.provider_state (expires_at);

-- Access tokens that were given back before their time.
CREATE TABLE identity.revoked_token (
  jti        text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);

-- published: what a process without the provider needs to verify a token
CREATE VIEW identity.public_key AS SELECT kid, alg, public_jwk, created_at FROM identity.signing_key;

-- published: tokens that hold no more, while they still would
CREATE VIEW identity.revoked AS SELECT jti, expires_at FROM identity.revoked_token;
