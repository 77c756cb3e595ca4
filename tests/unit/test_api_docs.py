"""The documentation: our pages, and the description of the API."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

from qbm.api.run_command import Done, Failed, Queued, RunCommand
from tests.api import serve

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["reference/config.md", "config.md", "./reference/config.md"])
async def test_a_page_is_told_by_its_way_or_its_name(tmp_path: Path, name: str) -> None:
    answer = await serve(tmp_path).client().get(f"/api/docs?file={name}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.body == (DOCS / "reference" / "config.md").read_bytes()


@pytest.mark.parametrize(
    ("file", "status"),
    [
        ("missing.md", 404),
        ("../README.md", 404),
        ("..%2FREADME.md", 404),
        ("%2Fetc%2Fpasswd", 400),
        ("config.md%00", 400),
        ("%00.md", 404),
        ("", 400),
        ("config.html", 400),
    ],
)
async def test_only_pages_of_ours_are_told(tmp_path: Path, file: str, status: int) -> None:
    answer = await serve(tmp_path).client().get(f"/api/docs?file={file}")
    assert (answer.status, list(answer.json)) == (status, ["detail"])


async def test_a_page_must_be_named(tmp_path: Path) -> None:
    answer = await serve(tmp_path).client().get("/api/docs")
    assert (answer.status, answer.detail) == (400, "file: it is missing.")


@pytest.mark.parametrize("base_url", ["", "/qbm"])
async def test_the_description_names_every_route_and_no_422(tmp_path: Path, base_url: str) -> None:
    answer = await serve(tmp_path, base_url=base_url).client().get(f"{base_url}/api/openapi.json")
    api = answer.json
    assert api["servers"] == [{"url": base_url or "/"}]
    assert b'"422"' not in answer.body
    assert b"HTTPValidationError" not in answer.body
    for methods in api["paths"].values():
        for route in methods.values():
            assert route["summary"]
            assert route["description"]


async def test_the_examples_are_what_they_are_examples_of(tmp_path: Path) -> None:
    api = serve(tmp_path).app.openapi()
    route = api["paths"]["/api/run-command"]["post"]
    schema = api["components"]["schemas"]["RunCommand"]
    assert schema["required"] == ["commands"]
    for example in schema["examples"]:
        assert RunCommand.model_validate(example).commands
    answers = route["responses"]["200"]["content"]["application/json"]["examples"]
    either: TypeAdapter[Done | Queued] = TypeAdapter(Done | Queued)
    for example in answers.values():
        same(either.validate_python(example["value"]), example["value"])
    failed = route["responses"]["500"]["content"]["application/json"]["example"]
    same(Failed.model_validate(failed), failed)


def same(model: BaseModel, example: object) -> None:
    # FastAPI leaves nulls out of its document.
    assert model.model_dump(mode="json", exclude_none=True) == example


async def test_its_page_asks_no_other_host(tmp_path: Path) -> None:
    answer = await serve(tmp_path).client().get("/api/docs-ui")
    assert answer.status == 200
    assert "script-src" not in answer.headers["content-security-policy"]
    html = answer.body.decode()
    assert "POST /api/run-command" in html
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)
    assert "<script" not in html
