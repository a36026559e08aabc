"""The duties of every request that are not the record itself, as one pure ASGI middleware: the cheapest form that Starlette allows."""

import io
import re
import time
from uuid import uuid4

import orjson

from settings import SETTINGS

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Origin"),
    (b"etag", b'"1"'),
]
BOUNDS_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500)
LOG_BUFFER = 16_384
BURST_SECONDS = 10
_sane = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch


class Duties:
    def __init__(self, app):
        self.app = app
        self.prefix = uuid4().hex[:8]
        self.requests = 0
        self.counts: dict[tuple[str, str, int], int] = {}
        self.durations = [0] * (len(BOUNDS_MS) + 1)
        self.buckets: dict[bytes | None, list[float]] = {}
        self.log = io.BufferedWriter(io.FileIO(SETTINGS.log_file, "w"), LOG_BUFFER)

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        self.requests += 1
        given = client = host = key = None
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"authorization":
                client = value
            elif name == b"host":
                host = value
            elif name == b"idempotency-key":
                key = value.decode("latin-1")
        request_id = given.decode() if given and _sane(given) else f"{self.prefix}-{self.requests:x}"
        scope["cqp"] = (request_id, key)
        remaining = self._take(client, began)
        status = 0

        async def answer(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *SECURITY_HEADERS,
                    (b"x-request-id", request_id.encode()),
                    (b"ratelimit", b'"create";r=%d;t=1' % remaining),
                ]
            await send(message)

        if host is None or host.partition(b":")[0] not in SETTINGS.allowed_hosts:
            await _refuse(answer, 400, "Host not allowed")
        elif remaining < 0:
            await _refuse(answer, 429, "Too many requests")
        else:
            await self.app(scope, receive, answer)
        self._count(scope["method"], scope["path"], status, (time.perf_counter() - began) * 1e3, request_id)

    def _take(self, client: bytes | None, now: float) -> float:
        """One of the client's requests; below zero when there is none left."""
        burst = SETTINGS.rate_limit * BURST_SECONDS
        bucket = self.buckets.get(client)
        if bucket is None:
            bucket = self.buckets[client] = [burst, now]
        left = min(burst, bucket[0] + (now - bucket[1]) * SETTINGS.rate_limit) - 1
        bucket[0] = max(left, 0.0)
        bucket[1] = now
        return left

    def _count(self, method: str, path: str, status: int, millis: float, request_id: str) -> None:
        series = (method, path, status)
        self.counts[series] = self.counts.get(series, 0) + 1
        bound = 0
        for limit in BOUNDS_MS:
            if millis <= limit:
                break
            bound += 1
        self.durations[bound] += 1
        line = {
            "level": 30,
            "time": time.time(),
            "request_id": request_id,
            "method": method,
            "path": path,
            "status": status,
            "duration_ms": round(millis, 2),
            "msg": "request",
        }
        self.log.write(orjson.dumps(line) + b"\n")


async def _refuse(answer, status: int, detail: str) -> None:
    body = orjson.dumps({"detail": detail})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await answer({"type": "http.response.start", "status": status, "headers": headers})
    await answer({"type": "http.response.body", "body": body})
