"""What callers are told when something is wrong: one stable body, whatever it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException as AnyHTTPException

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.faults import explain

RETRY_SECONDS = 5


class Fault(BaseModel):
    """One thing that is wrong with what was sent."""

    key: str = Field(description="where it is, as `body.schedule.cron`")
    message: str
    remedy: str = ""


class Problem(BaseModel):
    """The body of every answer that is no success."""

    error: str = Field(description="a stable slug to tell faults apart by")
    message: str = Field(description="what is wrong")
    remedy: str = Field(default="", description="what to do about it")
    faults: list[Fault] = Field(default=[], description="each thing that is wrong with the request")
    version: int | None = Field(default=None, description="the version that is there now, on a conflict")


class Refusal(Exception):
    """Ends a request with a status and a `Problem`."""

    def __init__(
        self, status: int, error: str, message: str, remedy: str = "", *, version: int | None = None
    ) -> None:
        """Keep what the caller is told."""
        super().__init__(message)
        self.status = status
        self.problem = Problem(error=error, message=message, remedy=remedy, version=version)


PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "Not signed in"},
    403: {"model": Problem, "description": "Not allowed"},
    404: {"model": Problem, "description": "Not there"},
    409: {"model": Problem, "description": "Not possible as things are"},
    422: {"model": Problem, "description": "The request is wrong"},
    503: {"model": Problem, "description": "Something that is needed is away; try again later"},
}
"""What any route may answer, for the OpenAPI document."""

_SLUGS = {
    400: ("bad-request", "Mend the request"),
    401: ("not-signed-in", "Sign in, or send a token of POST /auth/token as Authorization: Bearer"),
    403: ("not-allowed", "Ask an administrator of Airflow for the role"),
    404: ("not-found", "Look the name up in the list"),
    405: ("method-not-allowed", "See the OpenAPI document for what this resource takes"),
}


def answer(status: int, problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Make the answer."""
    return JSONResponse(problem.model_dump(), status, headers)


def add_handlers(app: FastAPI) -> None:
    """Turn every error into a `Problem`."""
    for kind in (Refusal, AnyHTTPException, RequestValidationError, Fatal, Retriable, OperationalError):
        app.add_exception_handler(kind, _tell)


async def _tell(_: Request, error: Exception) -> JSONResponse:
    match error:
        case Refusal():
            return answer(error.status, error.problem)
        case AnyHTTPException():
            slug, remedy = _SLUGS.get(error.status_code, ("refused", ""))
            problem = Problem(error=slug, message=str(error.detail), remedy=remedy)
            return answer(error.status_code, problem, dict(error.headers or {}))
        case RequestValidationError():
            return answer(422, invalid(error.errors()))
        case Fatal():
            problem = Problem(error="not-possible", message=str(error), remedy="Mend what the message names")
            return answer(409, problem)
    message = str(error) if isinstance(error, Retriable) else "Airflow's database is busy or away"
    problem = Problem(error="try-again", message=message, remedy="Try again in some seconds")
    return answer(503, problem, {"Retry-After": str(RETRY_SECONDS)})


def invalid(errors: Sequence[Any]) -> Problem:
    """Name each key that is wrong; what was sent is not repeated."""
    faults = [
        Fault(key=key, message=what, remedy=remedy or "mend this value")
        for key, what, remedy in explain(errors)
    ]
    return Problem(
        error="invalid",
        message=f"the request has {len(faults)} faults",
        remedy="Mend each of them",
        faults=faults,
    )


UPLOADS: dict[int | str, dict[str, Any]] = {413: {"model": Problem, "description": "Too large"}}
CHANGES: dict[int | str, dict[str, Any]] = {
    412: {"model": Problem, "description": "Somebody changed it meanwhile"},
    428: {"model": Problem, "description": "Send the version that you read as If-Match"},
}


def not_there(what: str) -> Refusal:
    """Refuse what does not exist."""
    return Refusal(404, "not-found", f"there is no {what}", "Look it up in the list")
