"""The pages of our documentation, and a page that describes this API without any other host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse

from qbm.api.answers import errors
from qbm.api.site import SiteOf
from qbm.config.problem import printable

router = APIRouter(prefix="/api", tags=["docs"])

_PACKAGE: Final = Path(__file__).parents[1]
_FOLDERS: Final = (_PACKAGE / "docs", _PACKAGE.parents[1] / "docs")
"""Of an installed package, and of a clone that is run as it is."""


@router.get("/docs", response_class=PlainTextResponse, responses=errors(400, 404))
def page(
    file: Annotated[str, Query(description="As in reference/config.md.")],
) -> PlainTextResponse:
    """A page of our documentation, in Markdown."""
    if not file.endswith(".md"):
        raise HTTPException(400, "Only markdown files are allowed")
    path = pages().get(file.removeprefix("./"))
    if path is None:
        known = ", ".join(sorted(name for name in pages() if "/" in name))
        raise HTTPException(
            404, f"Documentation file not found: {printable(file)}. There are: {known}."
        )
    return PlainTextResponse(path.read_text(encoding="utf-8"), media_type="text/markdown")


def pages() -> Mapping[str, Path]:
    """Every page by its way from the folder, and by its bare name where that means one alone."""
    folder = next((each for each in _FOLDERS if each.is_dir()), None)
    if folder is None:
        return {}
    found = sorted(folder.rglob("*.md"))
    named = {path.name: path for path in reversed(found)}
    return {**named, **{path.relative_to(folder).as_posix(): path for path in found}}


@router.get("/docs-ui", response_class=HTMLResponse, include_in_schema=False)
async def docs_ui(request: Request, site: SiteOf) -> HTMLResponse:
    """The description of this API for people."""
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return HTMLResponse("".join(_html(request.app.openapi(), site.base_url)), headers=headers)


_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
summary { cursor: pointer; padding: .4rem 0 } summary code { font-weight: 600 }
details { border-bottom: 1px solid #8884 } details > div { padding: 0 1rem 1rem }
pre { overflow: auto; padding: .8rem; background: #8882; border-radius: .3rem }
td, th { text-align: left; padding: .1rem .8rem .1rem 0; vertical-align: top }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } a { color: #8cf } }
"""


def _html(api: Mapping[str, Any], base_url: str) -> Iterator[str]:
    info = api["info"]
    title = escape(f"{info['title']} {info['version']}")
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
    yield "<meta name=viewport content='width=device-width'>"
    yield f"<style>{_STYLE}</style><h1>{title}</h1><p>{escape(info['description'])}</p>"
    yield f"<p>For programs: <a href='{escape(base_url)}/api/openapi.json'>openapi.json</a></p>"
    for path, methods in api["paths"].items():
        for method, route in methods.items():
            yield from _route(f"{method.upper()} {path}", route, api)
    yield "</html>"


def _route(name: str, route: Mapping[str, Any], api: Mapping[str, Any]) -> Iterator[str]:
    title, _, more = route.get("description", route["summary"]).partition("\n")
    yield f"<details><summary><code>{escape(name)}</code> {escape(title)}</summary><div>"
    yield f"<p>{escape(more.strip())}</p>"
    for each in route.get("parameters", ()):
        what = f"{each['name']} ({each['in']}): {each.get('description', '')}"
        yield f"<p><code>{escape(what)}</code></p>"
    body = route.get("requestBody", {}).get("content", {}).get("application/json", {})
    for example in _examples(body, api):
        yield f"<h3>Request</h3>{_shown(example)}"
    for status, answer in route["responses"].items():
        yield f"<h3>{escape(status)} {escape(answer.get('description', ''))}</h3>"
        for example in _examples(answer.get("content", {}).get("application/json", {}), api):
            yield _shown(example)
    yield "</div></details>"


def _examples(content: Mapping[str, Any], api: Mapping[str, Any]) -> list[Any]:
    """The examples of a body, else those of its schema, else the fields of its schema."""
    if "examples" in content:
        return [each["value"] for each in content["examples"].values()]
    if "example" in content:
        return [content["example"]]
    schema = content.get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    schema = api["components"]["schemas"].get(name, schema)
    if "examples" in schema:
        return list(schema["examples"])
    fields = schema.get("properties", {})
    return [{key: each.get("type", "…") for key, each in fields.items()}] if fields else []


def _shown(example: object) -> str:
    return f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>"
