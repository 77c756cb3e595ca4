"""Puts the routes together, and around them what every request passes."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware

from qbm import __version__
from qbm.api import run_command, runs
from qbm.api.answers import speak_of_errors
from qbm.api.guard import Guard
from qbm.api.middleware import BelowBaseUrl, BodyLimit, Crashes, SafeHeaders
from qbm.api.site import Site

_DESCRIPTION = """\
Looks after a qBittorrent server. Every error is `{"detail": "text"}`: what happened, where,
and what to do.
"""


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
        docs_url=None,  # they load scripts from another host
        redoc_url=None,
        redirect_slashes=False,  # a redirect loses the body of a POST
        strict_content_type=False,  # scripts that post JSON without saying so
        middleware=[
            Middleware(Crashes, site.log, site.clean),
            Middleware(SafeHeaders),
            Middleware(BelowBaseUrl, site.base_url),
            Middleware(Guard, site),
            Middleware(BodyLimit, site.clean),
        ],
    )
    app.state.site = site
    speak_of_errors(app, site.clean)
    for each in (run_command, runs):
        app.include_router(each.router)
    return app
