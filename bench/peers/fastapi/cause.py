"""Why a record is written: what an audit entry and an idempotency record need to know."""

from hashlib import sha256
from typing import NamedTuple


class Cause(NamedTuple):
    actor: str
    request_id: str
    key: str | None
    """Idempotency-Key, when the request has one."""
    body_hash: bytes


def cause_of(scope, claims: dict, body: bytes) -> Cause:
    """For services with duties: their middleware has left the request's id and key in the scope."""
    request_id, key = scope["cqp"]
    return Cause(claims["sub"], request_id, key, sha256(body).digest())
