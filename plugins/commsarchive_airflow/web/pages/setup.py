"""Make a connector, step by step."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from commsarchive_airflow.web.api.rights import Anybody
from commsarchive_airflow.web.pages.frame import render, viewer
from include.commsarchive.sources.registry import SOURCES

router = APIRouter()


@router.get("/setup")
def set_up(who: Anybody) -> HTMLResponse:
    """Ask for what a connector needs; the API checks and keeps it."""
    return render(
        "setup.html", viewer=viewer(who), sources=sorted(SOURCES.values(), key=lambda one: one.title)
    )
