"""POST /v1/inspections as a user of FastAPI would have built it, in the form that PEER_FORM names."""

import gc
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import orjson
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import ValidationError

from cause import Cause, cause_of
from contract import Inspection, InspectionCreate, new_inspection
from duties import Duties
from settings import SETTINGS
from tokens import authorize, bearer_of

PATH = "/v1/inspections"

if SETTINGS.form in ("adr", "usual", "expert"):
    import sqlalchemy_storage as storage
elif SETTINGS.form == "prepared":
    from asyncpg_storage import Prepared

    storage = Prepared()
else:
    from asyncpg_storage import GroupCommit

    storage = GroupCommit()


@asynccontextmanager
async def life(_):
    if hasattr(storage, "open"):
        await storage.open()
    # What was made at the start lives for ever; young objects are looked at less often than by default.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    yield
    await storage.close()


app = FastAPI(
    title="Chip Quality Platform API",
    version="1.0.0",
    lifespan=life,
    telemetry={"tracing": False, "metrics": False, "logs": False},
)
bearer = HTTPBearer(auto_error=False)


async def writer(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> dict:
    # async: FastAPI hands a plain function to its thread pool.
    return authorize(credentials.credentials if credentials else None)


@app.exception_handler(asyncpg.UniqueViolationError)
async def key_used(_: Request, error: Exception) -> Response:
    """A key that was used before. The bench repeats none."""
    return Response(orjson.dumps({"detail": str(error)}), 409, media_type="application/json")


async def told(request: Request, claims: dict) -> Cause | None:
    return cause_of(request.scope, claims, await request.body()) if SETTINGS.duties else None


def add_adr_middleware() -> None:
    from fastapi.middleware.cors import CORSMiddleware
    from fastapi.middleware.gzip import GZipMiddleware
    from fastapi.middleware.trustedhost import TrustedHostMiddleware
    from prometheus_fastapi_instrumentator import Instrumentator

    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["*"])
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["https://quality-dashboard.company.com"],
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["*"],
    )
    Instrumentator().instrument(app).expose(app)


if SETTINGS.form == "adr":
    add_adr_middleware()

    @app.post(PATH, status_code=201, response_model=Inspection)
    async def create_by_objects(
        request: Request,
        body: InspectionCreate,
        claims: Annotated[dict, Depends(writer)],
        session: Annotated[Any, Depends(storage.session_of_request)],
    ):
        row = new_inspection(body)
        await storage.save_objects(session, row, await told(request, claims))
        return row

elif SETTINGS.form in ("usual", "expert"):
    save = storage.save_usual if SETTINGS.form == "usual" else storage.save_expert

    @app.post(PATH, status_code=201, response_model=Inspection)
    async def create(request: Request, body: InspectionCreate, claims: Annotated[dict, Depends(writer)]):
        row = new_inspection(body)
        await save(row, await told(request, claims))
        return row

else:
    parse = InspectionCreate.__pydantic_validator__.validate_json

    async def create_from_bytes(request: Request) -> Response:
        claims = authorize(bearer_of(request.scope))
        raw = await request.body()
        try:
            body = parse(raw)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from error
        row = new_inspection(body)
        await storage.save(row, cause_of(request.scope, claims, raw) if SETTINGS.duties else None)
        return Response(orjson.dumps(row), 201, media_type="application/json")

    app.add_route(PATH, create_from_bytes, methods=["POST"])

if SETTINGS.duties:
    app.add_middleware(Duties)

# The hot route is looked at before those of the documentation.
app.router.routes.sort(key=lambda route: getattr(route, "path", "") != PATH)
