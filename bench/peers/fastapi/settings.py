"""What the bench says by environment: which form of the service to be, where its database and its key are."""

import os
from dataclasses import dataclass
from pathlib import Path

FORMS = ("adr", "usual", "expert", "prepared", "group_commit")


@dataclass(frozen=True)
class Settings:
    form: str
    """One of FORMS; the README says what each is."""
    duties: bool
    """Headers, request id, host check, rate limit, log line, metrics, audit entry and idempotency record as well."""
    database_url: str
    """postgresql://user@/name?host=/folder"""
    public_key: bytes
    """PEM of the ES256 key that signs the tokens."""
    log_file: str
    allowed_hosts: frozenset[bytes]
    rate_limit: float
    """Requests a second of one client; ten seconds' worth may come at once."""


def from_environment() -> Settings:
    form = os.environ["PEER_FORM"]
    if form not in FORMS:
        raise SystemExit(f"PEER_FORM={form} is not one of {', '.join(FORMS)}")
    return Settings(
        form=form,
        duties=os.environ.get("PEER_DUTIES", "on") == "on",
        database_url=os.environ["DATABASE_URL"],
        public_key=Path(os.environ["PEER_PUBLIC_KEY"]).read_bytes(),
        log_file=os.environ.get("PEER_LOG", os.devnull),
        allowed_hosts=frozenset(host.encode() for host in os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")),
        rate_limit=float(os.environ.get("RATE_LIMIT", "1000")),
    )


SETTINGS = from_environment()
