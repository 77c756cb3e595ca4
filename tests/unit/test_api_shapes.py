"""What holds for every route: who is let in, and the one shape of every error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qbm.api.access import PUBLIC
from qbm.config.publishing import json_schema
from qbm.errors import QbmError
from tests.api import TOKEN, StandIn, serve
from tests.asgi import Answer

ROUTES = [
    "POST /api/run-command",
    "GET /api/runs",
    "POST /api/runs",
    "GET /api/runs/{run_id}",
    "DELETE /api/runs/{run_id}",
    "GET /api/runs/{run_id}/report",
    "GET /api/configs",
    "GET /api/configs/{filename}",
    "POST /api/configs/{filename}",
    "PUT /api/configs/{filename}",
    "DELETE /api/configs/{filename}",
    "POST /api/configs/{filename}/validate",
    "POST /api/configs/{filename}/backup",
    "GET /api/configs/{filename}/backups",
    "POST /api/configs/{backup}/restore",
    "GET /api/schema/config",
    "GET /api/scheduler",
    "PUT /api/schedule",
    "POST /api/schedule/persistence/toggle",
    "GET /api/logs",
    "GET /api/log_files",
    "GET /api/docs",
    "GET /api/security",
    "GET /api/security/status",
    "PUT /api/security",
    "GET /api/version",
    "GET /api/health",
    "GET /api/get_base_url",
    "GET /healthz",
    "GET /readyz",
    "POST /api/system/force-reset",
]
OTHERS = ["GET /api/openapi.json", "GET /api/docs-ui"]
WITH_BODY = [route for route in ROUTES if route.startswith("PUT") or "validate" in route]
WITH_BODY += ["POST /api/run-command", "POST /api/runs", "POST /api/configs/{filename}"]


def split(route: str) -> tuple[str, str]:
    method, path = route.split()
    for name, value in (("run_id", "x"), ("filename", "config.yml"), ("backup", "x.yml")):
        path = path.replace(f"{{{name}}}", value)
    return method, path


def in_shape(answer: Answer) -> bool:
    assert answer.headers["content-type"] == "application/json"
    body = answer.json
    return list(body) == ["detail"] and isinstance(body["detail"], str) and bool(body["detail"])


def test_every_route_is_in_this_table(tmp_path: Path) -> None:
    paths = serve(tmp_path).app.openapi()["paths"]
    found = {f"{method.upper()} {path}" for path, each in paths.items() for method in each}
    assert found == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES + OTHERS)
@pytest.mark.parametrize("address", ["8.8.8.8", None])
async def test_strangers_are_let_in_to_what_is_public_alone(
    tmp_path: Path, route: str, address: str | None
) -> None:
    method, path = split(route)
    answer = await serve(tmp_path).client(address).ask(method, path)
    if path in PUBLIC:
        assert answer.status == 200
    else:
        assert (answer.status, in_shape(answer)) == (403, True)


@pytest.mark.parametrize("route", [each for each in ROUTES if not each.startswith("GET")])
async def test_pages_of_other_sites_change_nothing(tmp_path: Path, route: str) -> None:
    method, path = split(route)
    served = serve(tmp_path)
    answer = await served.client(origin="http://evil.example").ask(method, path, body={})
    assert (answer.status, in_shape(answer)) == (403, True)
    assert not served.service.asked


@pytest.mark.parametrize("route", WITH_BODY)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b"[" * 100_000, b"1" * 5000, b'{"a":\x00}'],
)
async def test_a_body_that_is_none_is_400_in_the_one_shape(
    tmp_path: Path, route: str, body: bytes
) -> None:
    method, path = split(route)
    answer = await serve(tmp_path).client().ask(method, path, body=body)
    assert (answer.status, in_shape(answer)) == (400, True)


@pytest.mark.parametrize("route", WITH_BODY)
async def test_a_body_that_is_too_large_is_413_in_the_one_shape(tmp_path: Path, route: str) -> None:
    method, path = split(route)
    answer = await serve(tmp_path).client().ask(method, path, body=b" " * 5_000_000)
    assert (answer.status, in_shape(answer)) == (413, True)


@pytest.mark.parametrize("route", ROUTES)
async def test_a_wrong_method_is_405_and_says_which_are_right(tmp_path: Path, route: str) -> None:
    _, path = split(route)
    answer = await serve(tmp_path).client().ask("PATCH", path)
    assert (answer.status, in_shape(answer)) == (405, True)
    assert answer.headers["allow"]
    assert all(each in answer.detail for each in answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/",
        "/api/nothing",
        "/api/version/",
        "/api/run-command/",
        "//",
        "/%00",
        "/ö",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_not_there_is_404_and_never_a_redirect(
    tmp_path: Path, method: str, path: str
) -> None:
    answer = await serve(tmp_path).client().ask(method, path)
    assert (answer.status, in_shape(answer)) == (404, True)


class Failing(StandIn):
    """Fails in every way that a store can."""

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise QbmError("The disk is full. Free some space.")

    accept = run = runs = report = cancel = status = _fail


class Crashing(StandIn):
    """Has a fault in every method."""

    def _crash(self, *_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("hunter2hunter2")

    accept = run = runs = report = cancel = status = _crash


OF_SERVICE = [
    "POST /api/run-command",
    "GET /api/runs",
    "POST /api/runs",
    "GET /api/runs/{run_id}",
    "DELETE /api/runs/{run_id}",
    "GET /api/runs/{run_id}/report",
    "GET /readyz",
    "POST /api/system/force-reset",
]


@pytest.mark.parametrize("route", OF_SERVICE)
async def test_an_error_of_the_service_is_told_as_it_is(tmp_path: Path, route: str) -> None:
    answer = await ask(tmp_path, Failing(), route)
    assert (answer.status, answer.json) == (500, {"detail": "The disk is full. Free some space."})


@pytest.mark.parametrize("route", [*OF_SERVICE, "GET /api/health"])
async def test_a_fault_of_ours_is_500_without_its_text(tmp_path: Path, route: str) -> None:
    answer = await ask(tmp_path, Crashing(), route)
    assert (answer.status, in_shape(answer)) == (500, True)
    assert b"hunter2" not in answer.body
    assert answer.headers["cache-control"] == "no-store"


async def ask(folder: Path, service: StandIn, route: str) -> Answer:
    method, path = split(route)
    body = {"commands": ["tag_update"]} if method == "POST" else None
    return await serve(folder, service).client(x_qbm_token=TOKEN).ask(method, path, body=body)


async def test_the_schema_of_configs_is_told(tmp_path: Path) -> None:
    answer = await serve(tmp_path).client().get("/api/schema/config")
    assert (answer.status, answer.json) == (200, json_schema())
