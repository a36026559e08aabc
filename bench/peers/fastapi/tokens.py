"""Bearer tokens: ES256, `exp` and `sub` required, the scope asked for."""

import time

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import HTTPException

from settings import SETTINGS

SCOPE = "inspections:write"
CHALLENGE = {"WWW-Authenticate": "Bearer"}
REMEMBERED = 1000

_key = load_pem_public_key(SETTINGS.public_key)
_decode = jwt.PyJWT({"require": ["exp", "sub"]}).decode
_known: dict[str, dict] = {}


def verify(token: str) -> dict:
    """PyJWT for each request, as the ADR has it."""
    return _decode(token, _key, algorithms=["ES256"])


def verify_cached(token: str) -> dict:
    """The claims of a token that was verified before, until it ends."""
    claims = _known.get(token)
    if claims is not None:
        if claims["exp"] > time.time():
            return claims
        del _known[token]
    claims = verify(token)
    if len(_known) >= REMEMBERED:
        del _known[next(iter(_known))]
    _known[token] = claims
    return claims


_verify = verify if SETTINGS.form == "adr" else verify_cached


def authorize(token: str | None) -> dict:
    """The claims of a token that may write inspections. Raises 401 or 403."""
    if token is None:
        raise HTTPException(401, "Not authenticated", CHALLENGE)
    try:
        claims = _verify(token)
    except jwt.PyJWTError as error:
        raise HTTPException(401, "Invalid token", CHALLENGE) from error
    if SCOPE not in claims.get("scope", "").split():
        raise HTTPException(403, "Scope inspections:write required")
    return claims


def bearer_of(scope) -> str | None:
    """The token of an ASGI scope, for routes without FastAPI's security classes."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return value[7:].decode("latin-1") if value[:7].lower() == b"bearer " else None
    return None
