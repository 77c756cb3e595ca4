"""Fixtures that hand out the lab's real servers, and what must hold after every test.

``tests/lab/README.md`` shows how to use them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import psutil
import pytest

from tests.lab import servers
from tests.lab.folders import server_folder
from tests.lab.proxy import Proxy, ProxyOf
from tests.lab.servers import Options, Server, StartServer, StartServers
from tests.lab.suites import Suite, SuiteMissingError, Tree, tree_of
from tests.lab.tracker import Tracker

_LAB_FIXTURES = {
    "server",
    "trixie_server",
    "shared_server",
    "start_server",
    "start_servers",
    "module_server",
}
_SKIP = "no server to test on:"


@pytest.fixture
def start_server(start_servers: StartServers) -> StartServer:
    """The factory of single servers: ``start_server(Suite.BOOKWORM, login=True)``."""

    def start(suite: Suite = Suite.TRIXIE, **options: Any) -> Server:
        return start_servers([suite], **options)[0]

    return start


@pytest.fixture
def start_servers() -> Iterator[StartServers]:
    """The factory of several servers."""
    with ExitStack() as ends:

        def start(suites: Iterable[Suite] = Suite, **options: Any) -> list[Server]:
            return _start(_trees(suites), ends, options)

        yield start


@pytest.fixture(params=list(Suite), ids=str)
def server(request: pytest.FixtureRequest, start_server: StartServer) -> Server:
    """A fresh server of every generation in turn.

    ``@pytest.mark.parametrize("server", [Suite.BOOKWORM], indirect=True)`` picks some.
    """
    return start_server(request.param)


@pytest.fixture
def trixie_server(start_server: StartServer) -> Server:
    """A fresh server of trixie."""
    return start_server(Suite.TRIXIE)


@pytest.fixture(params=list(Suite), ids=str, scope="module")
def module_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of every generation that lives for the module; tests ask for ``shared_server``."""
    with ExitStack() as ends:
        yield _start(_trees([request.param]), ends, {})[0]


@pytest.fixture
def shared_server(module_server: Server) -> Iterator[Server]:
    """The module's server; a test that leaves anything changed on it fails."""
    before = servers.state_of(module_server)
    yield module_server
    left = servers.differences(before, servers.state_of(module_server))
    assert not left, f"the test left the shared server changed: {left}"


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    """A tracker on loopback; each torrent works there until the test says otherwise."""
    with Tracker() as running:
        yield running


@pytest.fixture
def proxy_of() -> Iterator[ProxyOf]:
    """The factory of counting proxies: ``proxy_of(server)``; they end with the test."""
    with ExitStack() as ends:

        def start(server: Server, **options: Any) -> Proxy:
            return ends.enter_context(Proxy(server.url, **options))

        yield start


@pytest.fixture(autouse=True)
def _nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test: no server of its own; those of the lab: no child process at all."""
    uses_lab = request.node.get_closest_marker("servers") is not None
    children = _children() if uses_lab else set()
    before = set(servers.running())
    yield
    left = sorted(set(servers.running()) - before)
    assert not left, f"the test left running: {left}"
    if uses_lab:
        strays = sorted(map(str, _children() - children))
        assert not strays, f"the test left child processes: {strays}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what uses a real server, so that ``-m 'not servers'`` leaves it out."""
    for item in items:
        if _LAB_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly how many tests did not run for want of a server."""
    reasons = [
        str(report.longrepr[2])
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and _SKIP in report.longrepr[2]
    ]
    if reasons:
        terminalreporter.section("REAL SERVERS MISSING", red=True, bold=True)
        for reason in sorted(set(reasons)):
            terminalreporter.write_line(f"{reasons.count(reason)} tests skipped: {reason}")


def _trees(suites: Iterable[Suite]) -> list[Tree]:
    return [_tree(suite) for suite in suites]


def _tree(suite: Suite) -> Tree:
    try:
        return tree_of(suite)
    except SuiteMissingError as missing:
        is_strict = os.environ.get("QBM_REQUIRE_SERVERS", "") not in {"", "0"}
        if is_strict and suite.is_required:
            pytest.fail(f"QBM_REQUIRE_SERVERS is set, but {missing}", pytrace=False)
        pytest.skip(f"{_SKIP} {missing}")


def _start(trees: list[Tree], ends: ExitStack, options: dict[str, Any]) -> list[Server]:
    made = [Server(tree, ends.enter_context(server_folder()), Options(**options)) for tree in trees]
    for one in made:
        # Its profile is thrown away: nothing needs saving, and 4.2.5 takes seconds to save.
        ends.callback(one.kill)
    start: Callable[[Server], Server] = Server.start
    with ThreadPoolExecutor(max_workers=len(made)) as pool:
        return list(pool.map(start, made))


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))
