"""Pages below `/compliance`. Nothing is served to a caller who is not signed in."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException as AnyHTTPException

from commsarchive_airflow import auth
from commsarchive_airflow.web.api.refusal import Refusal
from commsarchive_airflow.web.pages import audit, connectors, imports, people, quarantine, setup, verification
from commsarchive_airflow.web.pages.frame import HERE, STATIC, render
from include.commsarchive.errors import Fatal, Retriable

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)

app = FastAPI(
    title="commsarchive pages",
    dependencies=[Depends(auth.signed_in)],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)


@app.get("/static/{name}")
def static(name: str) -> Response:
    """Give one of our own files."""
    if name not in STATIC:
        raise HTTPException(404, "there is no such file")
    cached = {"Cache-Control": "private, max-age=86400"}
    return Response((HERE / "static" / name).read_bytes(), media_type=STATIC[name], headers=cached)


for part in (connectors, imports, people, quarantine, setup, audit, verification):
    app.include_router(part.router)


@app.middleware("http")
async def keep_in(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    """Let the browser load nothing from elsewhere, and keep pages out of caches."""
    answer = await go_on(request)
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "same-origin"
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


async def _tell(_: Request, error: Exception) -> Response:
    match error:
        case Refusal():
            return _problem(error.status, error.problem.message, error.problem.remedy)
        case AnyHTTPException(status_code=401):
            return _problem(401, "You are not signed in", "Sign in to Airflow, then open this page again")
        case AnyHTTPException():
            return _problem(error.status_code, str(error.detail))
        case RequestValidationError():
            return _problem(422, "This address asks for something impossible")
        case Fatal():
            return _problem(409, str(error))
    message = str(error) if isinstance(error, Retriable) else "Airflow's database is busy or away"
    return _problem(503, message, "Try again in some seconds")


def _problem(status: int, message: str, remedy: str = "") -> Response:
    return render("problem.html", status, message=message, remedy=remedy)


for kind in (Refusal, AnyHTTPException, RequestValidationError, Fatal, Retriable, OperationalError):
    app.add_exception_handler(kind, _tell)

# What Airflow has loaded stays for ever. Looking through it again and again for garbage made every other
# overview of 200 connectors wait for 0.5 s.
gc.freeze()
