"""Over real sockets, as clients send it: large bodies, forged headers, old protocols."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import uvicorn

from tests.api import Served, serve
from tests.lab.ports import free_port

TAG = {"commands": ["tag_update"]}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    yield from _running(serve(tmp_path, base_url="/qbm"))


def _running(served: Served) -> Iterator[int]:
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            served.app, host="127.0.0.1", port=port, log_config=None, lifespan="off",
            proxy_headers=False, ws="none",
        )
    )  # fmt: skip
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join()


def _raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


@pytest.mark.parametrize("prefix", ["", "/qbm"])
def test_the_example_of_a_client_runs(port: int, prefix: str) -> None:
    url = f"http://127.0.0.1:{port}{prefix}/api/run-command"
    answer = requests.post(url, json=TAG, timeout=10)
    assert (answer.status_code, answer.json()["status"]) == (200, "success")


@pytest.mark.parametrize("kind", ["with a length", "in chunks"])
def test_a_body_of_5_mb_is_refused_so_that_the_client_hears_it(port: int, kind: str) -> None:
    raw = b" " * 5_000_000
    data = (
        raw
        if kind == "with a length"
        else (raw[at : at + 65536] for at in range(0, 5_000_000, 65536))
    )
    url = f"http://127.0.0.1:{port}/api/run-command"
    answer = requests.post(url, data=data, headers={"Content-Type": "application/json"}, timeout=10)
    assert answer.status_code == 413
    assert list(answer.json()) == ["detail"]
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).status_code == 200


def test_a_forged_header_is_not_taken_for_the_socket_s_address(port: int) -> None:
    url = f"http://127.0.0.1:{port}/api/runs"
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        answer = requests.get(url, headers={name: "127.0.0.1"}, timeout=10)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /api/runs HTTP/1.0\r\n\r\n",
        b"GET /api/runs HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /api/runs HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        b"GET /api/runs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ],
)
def test_without_a_name_of_ours_nobody_is_let_in(port: int, request_line: bytes) -> None:
    status = _raw(port, request_line).split(b" ", 2)[1]
    assert status in (b"400", b"403")


def test_encoded_slashes_do_not_lead_around_the_rules(port: int) -> None:
    raw = (
        b"GET /api%2Fruns HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ::1\r\n"
        b"Connection: close\r\n\r\n"
    )
    assert b" 403 " in _raw(port, raw)


def test_health_is_quick_while_others_wait(port: int) -> None:
    began = time.monotonic()
    for _ in range(20):
        assert requests.get(f"http://127.0.0.1:{port}/api/health", timeout=10).status_code == 200
    assert time.monotonic() - began < 20 * 0.1


def test_answers_name_neither_server_nor_language(port: int) -> None:
    raw = json.dumps({"commands": ["x"]}).encode()
    head = b"POST /api/run-command HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    answer = _raw(port, head + f"Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
    assert b"400 Bad Request" in answer
    assert answer.endswith(b'{"detail":"Invalid command: x"}')
