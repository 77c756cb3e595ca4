"""Puts the routes together, and around them what every request passes."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.middleware import Middleware

from qbm import __version__
from qbm.api import configs, docs, logs, run_command, runs, scheduler, schema, security, system
from qbm.api.answers import Detail, Responses, speak_of_errors
from qbm.api.guard import Guard
from qbm.api.middleware import BelowBaseUrl, BodyLimit, Crashes, HeadAsGet, SafeHeaders
from qbm.api.site import Site

_DESCRIPTION = """\
Looks after a qBittorrent server. Every error is `{"detail": "text"}`: what happened, where,
and what to do.
"""

_REFUSED: Final[Responses] = {
    "4XX": {"model": Detail, "description": "Refused: who calls, from where, or what is asked."},
    "5XX": {"model": Detail, "description": "It could not be done."},
}


def create_app(site: Site) -> FastAPI:
    """The Web API of ``site``, for an ASGI server that leaves ``scope["client"]`` alone.

    (uvicorn: ``proxy_headers=False``; the rules about proxies are here.)
    """
    app = FastAPI(
        title="qBit Manage",
        version=__version__,
        description=_DESCRIPTION,
        servers=[{"url": site.base_url or "/"}],
        openapi_url="/api/openapi.json",
        responses=_REFUSED,
        docs_url=None,  # they load scripts from another host
        redoc_url=None,
        redirect_slashes=False,  # a redirect loses the body of a POST
        strict_content_type=False,  # scripts that post JSON without saying so
        middleware=[
            Middleware(SafeHeaders),
            Middleware(Crashes, site.log, site.clean),
            Middleware(BelowBaseUrl, site.base_url),
            Middleware(Guard, site),
            Middleware(HeadAsGet),
            Middleware(BodyLimit, site.clean),
        ],
    )
    app.state.site = site
    speak_of_errors(app, site.clean)
    for each in (run_command, runs, configs, schema, scheduler, logs, docs, security, system):
        app.include_router(each.router)
    return app
