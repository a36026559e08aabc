"""The two forms on asyncpg alone: prepared statements with a commit each, and a group commit."""

import asyncio
from collections import deque

import asyncpg
import orjson

from cause import Cause
from settings import SETTINGS
from statements import CAUSE, COLUMNS, many_records, numbered, one_record

CONNECTIONS = 50
GROUPS_IN_FLIGHT = 3
GROUP_SIZE = 1000

_tasks: set[asyncio.Task] = set()


def _start(work) -> None:
    """asyncio holds its tasks weakly."""
    task = asyncio.ensure_future(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _connect() -> asyncpg.Connection:
    return await asyncpg.connect(SETTINGS.database_url, server_settings={"jit": "off"})


class Prepared:
    """Connections that each hold the prepared statement; a request takes the next one that is free. asyncpg's own pool costs a third more."""

    def __init__(self):
        self.statement = numbered(one_record(SETTINGS.duties), (*COLUMNS, *CAUSE))
        self.free = []
        self.waiting: deque[asyncio.Future] = deque()

    async def open(self) -> None:
        for _ in range(CONNECTIONS):
            await self._add()

    async def _add(self) -> None:
        connection = await _connect()
        self._give((connection, (await connection.prepare(self.statement)).fetch))

    def _give(self, held) -> None:
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(held)
                return
        self.free.append(held)

    async def save(self, row: dict, cause: Cause | None) -> None:
        if self.free:
            held = self.free.pop()
        else:
            waiter = asyncio.get_running_loop().create_future()
            self.waiting.append(waiter)
            held = await waiter
        connection, execute = held
        try:
            await execute(
                row["id"],
                row["lot_id"],
                row["chip_id"],
                row["inspection_type"],
                row["priority"],
                row["status"],
                orjson.dumps(row["station_metadata"]).decode(),
                row["created_at"],
                *(cause or ()),
            )
        finally:
            if connection.is_closed():
                _start(self._add())
            else:
                self._give(held)

    async def close(self) -> None:
        for connection, _ in self.free:
            await connection.close()


class GroupCommit:
    """Hundreds of requests in one statement; each waits for the commit of its group. A group that fails is written one by one, so that a bad one fails alone."""

    def __init__(self):
        self.statement = many_records(SETTINGS.duties)
        self.queue: list[tuple[bytes, asyncio.Future]] = []
        self.in_flight = 0
        self.pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        async def no_reset(_) -> None:
            """asyncpg resets a session on release: a round trip that single statements do not need."""

        self.pool = await asyncpg.create_pool(
            SETTINGS.database_url,
            min_size=GROUPS_IN_FLIGHT + 1,
            max_size=GROUPS_IN_FLIGHT + 1,
            reset=no_reset,
            max_inactive_connection_lifetime=3600,
            max_queries=10**9,
            server_settings={"jit": "off"},
        )

    async def save(self, row: dict, cause: Cause | None) -> None:
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        given = row if cause is None else row | cause._asdict() | {"body_hash": cause.body_hash.hex()}
        self.queue.append((orjson.dumps(given), waiter))
        if len(self.queue) == 1:
            loop.call_soon(self._flush)
        await waiter

    def _flush(self) -> None:
        if not self.queue or self.in_flight >= GROUPS_IN_FLIGHT:
            return
        group, self.queue = self.queue[:GROUP_SIZE], self.queue[GROUP_SIZE:]
        self.in_flight += 1
        _start(self._write(group))

    async def _execute(self, rows: list[bytes]) -> None:
        async with self.pool.acquire() as connection:
            await connection.execute(self.statement, (b"[" + b",".join(rows) + b"]").decode())

    async def _write(self, group: list[tuple[bytes, asyncio.Future]]) -> None:
        try:
            await self._execute([row for row, _ in group])
            for _, waiter in group:
                if not waiter.done():
                    waiter.set_result(None)
        except Exception:
            for row, waiter in group:
                await self._write_alone(row, waiter)
        finally:
            self.in_flight -= 1
            self._flush()

    async def _write_alone(self, row: bytes, waiter: asyncio.Future) -> None:
        try:
            await self._execute([row])
            outcome = None
        except Exception as error:
            outcome = error
        if waiter.done():
            return
        if outcome is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(outcome)

    async def close(self) -> None:
        if self.pool:
            await self.pool.close()
