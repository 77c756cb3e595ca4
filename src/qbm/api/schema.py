"""The JSON Schema of a config file, for editors and forms."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from qbm.config.publishing import json_schema

router = APIRouter(prefix="/api/schema", tags=["configs"])


@router.get("/config", response_model=dict[str, Any])
def config_schema() -> JSONResponse:
    """What a config file may say (JSON Schema, draft 7)."""
    return JSONResponse(_schema())


@cache
def _schema() -> dict[str, Any]:
    return json_schema()
