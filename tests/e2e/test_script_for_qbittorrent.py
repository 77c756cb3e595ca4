"""``run_qbit_manage_commands.sh``, by hand and as qBittorrent's external program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.ports import refusing_port
from tests.lab.servers import Server, StartServer
from tests.lab.suites import Suite
from tests.lab.torrents import Kind, Torrent
from tests.program import ROOT, Ended, Served, environment, write_config

_SCRIPT = ROOT / "scripts/run_qbit_manage_commands.sh"
_HASH = "0123456789abcdef0123456789abcdef01234567"
_TOOLS = ("sh", "basename", "cut", "date", "dirname", "grep", "sed", "tr")
_ATTEMPTS = 5
_URL = "http://127.0.0.1:1/announce/passkey"


@dataclass
class Listener:
    """Stands where qBit Manage would: notes the bodies it gets, and answers as told."""

    status: int = 200
    answer: str = '{"status":"success","message":"a \\"quoted\\" one"}'
    bodies: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[Message] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    told = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.bodies.append(json.loads(body))
            told.paths.append(self.path)
            told.headers.append(self.headers)
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.answer)))
            self.end_headers()
            self.wfile.write(told.answer.encode())

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield told
        server.shutdown()
        thread.join()


@pytest.fixture(params=["curl", "wget"])
def client(request: pytest.FixtureRequest) -> str:
    """The program that the script finds to send with."""
    if shutil.which(request.param) is None:
        pytest.skip(f"there is no {request.param} here")
    return str(request.param)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A copy in a folder whose name wants quoting, as people's do."""
    folder = tmp_path / "my scripts; $HOME"
    folder.mkdir()
    return Path(shutil.copy(_SCRIPT, folder))


def _log(script: Path) -> Path:
    return script.with_suffix(".log")


def _tools(folder: Path, *names: str) -> Path:
    """A folder for PATH that holds only these."""
    folder.mkdir(exist_ok=True)
    for name in names:
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


def _ran(script: Path, *words: str, path: Path | None = None, **variables: str) -> Ended:
    """The script's end, with only the programs in ``path``."""
    more = {"PATH": str(path)} if path else {}
    done = subprocess.run(
        ["/bin/sh", script, *words],
        env=environment(**more, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


# By hand


def test_it_posts_the_hash_prints_what_came_and_logs_both(
    listener: Listener, script: Path, tmp_path: Path, client: str
) -> None:
    path = _tools(tmp_path / "bin", *_TOOLS, client)
    ended = _ran(script, _HASH, path=path, QBM_URL=listener.url)
    assert (ended.status, ended.errors) == (0, "")
    assert listener.bodies == [{"commands": ["tag_update", "share_limits"], "hashes": [_HASH]}]
    assert listener.paths == ["/api/run-command"]
    assert listener.headers[0]["Content-Type"] == "application/json"
    sent, got = ended.output.splitlines()
    assert sent.endswith(f"POST {listener.url}/api/run-command {json.dumps(listener.bodies[0])}")
    assert got.endswith(f" {listener.answer}")
    assert _log(script).read_text() == ended.output


def test_the_log_grows_by_each_call(listener: Listener, script: Path) -> None:
    outputs = [_ran(script, _HASH, QBM_URL=listener.url).output for _ in range(2)]
    assert _log(script).read_text() == "".join(outputs)


def test_a_base_url_and_the_64_digits_of_v2_are_taken(listener: Listener, script: Path) -> None:
    whole = _HASH[:32] * 2
    ended = _ran(script, whole, QBM_URL=f"{listener.url}/qbm/")
    assert ended.status == 0
    assert listener.paths == ["/qbm/api/run-command"]
    assert listener.bodies[0]["hashes"] == [whole]


def test_no_proxy_of_the_environment_is_asked(
    listener: Listener, script: Path, tmp_path: Path, client: str
) -> None:
    path = _tools(tmp_path / "bin", *_TOOLS, client)
    nobody = f"http://127.0.0.1:{refusing_port()}"
    ended = _ran(script, _HASH, path=path, QBM_URL=listener.url, http_proxy=nobody)
    assert ended.status == 0, ended.errors


def test_a_refusal_is_told_with_its_reason_and_status_1(
    listener: Listener, script: Path, tmp_path: Path, client: str
) -> None:
    listener.status, listener.answer = 500, '{"detail":"Nobody answers at http://nas:8080"}'
    path = _tools(tmp_path / "bin", *_TOOLS, client)
    ended = _ran(script, _HASH, path=path, QBM_URL=listener.url)
    assert ended.status == 1
    assert listener.answer in ended.errors
    assert "500" in ended.errors
    assert ended.errors in _log(script).read_text()


def test_nobody_there_is_told_and_status_1(script: Path, tmp_path: Path, client: str) -> None:
    path = _tools(tmp_path / "bin", *_TOOLS, client)
    ended = _ran(script, _HASH, path=path, QBM_URL=f"http://127.0.0.1:{refusing_port()}")
    assert ended.status == 1
    assert client in ended.errors
    assert "connect" in ended.errors.lower()
    assert len(_log(script).read_text().splitlines()) == 2


def test_neither_curl_nor_wget_is_told(script: Path, tmp_path: Path) -> None:
    path = _tools(tmp_path / "bin", *_TOOLS)
    ended = _ran(script, _HASH, path=path)
    assert ended.status == 1
    assert "Neither curl nor wget is here: install one of them." in ended.errors


@pytest.mark.parametrize("words", [(), (_HASH, _HASH)], ids=["none", "two"])
def test_without_exactly_one_argument_usage_is_told_on_stderr(
    script: Path, words: tuple[str, ...]
) -> None:
    ended = _ran(script, *words)
    assert (ended.status, ended.output) == (1, "")
    assert ended.errors.startswith(f"Usage: {script} HASH\n")
    assert '"%K"' in ended.errors
    assert not _log(script).exists()


@pytest.mark.parametrize("argument", ["-", ""])
def test_a_torrent_without_a_v1_hash_is_told_how_to_be_named(
    listener: Listener, script: Path, argument: str
) -> None:
    ended = _ran(script, argument, QBM_URL=listener.url)
    assert ended.status == 1
    assert 'Write "%K" instead of "%I" in qBittorrent.' in ended.errors
    assert ended.errors == _log(script).read_text()
    assert not listener.bodies


@pytest.mark.parametrize(
    "argument",
    [
        "%K",
        "all",
        _HASH[:-1],
        f"{_HASH} ",
        f'{_HASH}", "x',
        "$(touch owned)",
        "a\nb",
        "-n",
        "é" * 40,
    ],
)
def test_what_is_no_hash_is_never_sent(listener: Listener, script: Path, argument: str) -> None:
    ended = _ran(script, argument, QBM_URL=listener.url)
    assert ended.status == 1
    assert "is no hash" in ended.errors
    assert len(ended.errors.splitlines()) == 1
    assert not listener.bodies
    assert not (script.parent / "owned").exists()


def test_a_folder_that_cannot_be_written_is_told_and_it_goes_on(
    listener: Listener, script: Path
) -> None:
    _log(script).mkdir()  # root may write anywhere, but in no folder as if it were a file
    ended = _ran(script, _HASH, QBM_URL=listener.url)
    assert ended.status == 0
    assert ended.errors == f"{_log(script)} cannot be written: nothing is logged.\n"
    assert len(listener.bodies) == 1


def test_a_password_in_the_address_is_sent_and_not_shown(
    listener: Listener, script: Path, tmp_path: Path, client: str
) -> None:
    path = _tools(tmp_path / "bin", *_TOOLS, client)
    url = listener.url.replace("://", "://user:hunter2hunter2@")
    ended = _ran(script, _HASH, path=path, QBM_URL=url)
    assert ended.status == 0
    [headers] = listener.headers
    assert b64decode(headers["Authorization"].removeprefix("Basic ")) == b"user:hunter2hunter2"
    assert ended.output.endswith(f" {listener.answer}\n")
    assert "hunter2hunter2" not in ended.output + ended.errors + _log(script).read_text()


def test_it_finds_its_folder_by_a_relative_name_too(listener: Listener, script: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", script.name, _HASH],
        cwd=script.parent,
        env=environment(QBM_URL=listener.url),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert _log(script).read_bytes() == done.stdout


def test_it_may_be_started_as_it_is() -> None:
    assert os.access(_SCRIPT, os.X_OK)


# By a real qBittorrent, when a real download finishes


@pytest.mark.parametrize(
    ("placeholder", "kind"),
    [("%I", Kind.V1), ("%K", Kind.V1), ("%I", Kind.HYBRID), ("%K", Kind.V2)],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_torrent_is_tagged_when_its_download_has_finished(
    server: Server,
    start_server: StartServer,
    script: Path,
    tmp_path: Path,
    placeholder: str,
    kind: Kind,
) -> None:
    if server.suite is Suite.BULLSEYE and (placeholder, kind) != ("%I", Kind.V1):
        pytest.skip("4.2.5 knows neither BitTorrent v2 nor %K")
    film = torrents.single("the film.mkv", _URL, kind=kind, size=50_000)
    config = write_config(
        tmp_path / "config", {"qbt": {"host": server.url}, "tracker": {"other": {"tag": "fresh"}}}
    )
    [other] = library.add(server, torrents.single("another.mkv", _URL))
    seed = _seeding(start_server(server.suite), film)
    with Served(config.parent) as served:
        program = f'env QBM_URL={served.url} "{script}" "{placeholder}"'
        server.api.set_preferences(autorun_enabled=True, autorun_program=program)
        film_hash = _downloaded(server, seed, film)
        sent, got = _logged(script, lines=2)
    [row] = library.settle(server, [film_hash])
    assert row["tags"] == "fresh"
    assert row["progress"] == 1
    assert [each["tags"] for each in server.api.torrents(hashes=other)] == [""]
    assert '"commands": ["tag_update", "share_limits"]' in sent
    assert '"status":"success"' in got
    assert '"tagged":1' in got


def test_a_v2_torrent_has_no_v1_hash_and_the_log_tells_what_to_write(
    trixie_server: Server, start_server: StartServer, script: Path
) -> None:
    film = torrents.single("the film.mkv", kind=Kind.V2, size=50_000)
    trixie_server.api.set_preferences(autorun_enabled=True, autorun_program=f'"{script}" "%I"')
    _downloaded(trixie_server, _seeding(start_server(), film), film)
    [told] = _logged(script, lines=1)
    assert 'Write "%K" instead of "%I" in qBittorrent.' in told


def _seeding(seed: Server, torrent: Torrent) -> Server:
    library.add(seed, torrent, content=Content.CHECKED, is_stopped=False)
    return seed


def _downloaded(server: Server, seed: Server, torrent: Torrent) -> str:
    """Have the server download the torrent from the seed; its hash there.

    A seed that has just been started may hang up, and is then asked again only minutes later:
    but at once for a torrent that is added anew.
    """
    peer = f"127.0.0.1:{seed.api.preferences()['listen_port']}"
    for _ in range(_ATTEMPTS):
        [there] = library.add(server, torrent, content=Content.MISSING, is_stopped=False)
        server.api.post("torrents/addPeers", hashes=there, peers=peer)
        with suppress(library.UnsettledError):
            library.wait_for(
                partial(server.api.torrents, hashes=there), lambda rows: rows[0]["progress"] == 1, 5
            )
            return there
        server.api.post("torrents/delete", hashes=there, deleteFiles=True)
        library.wait_for(partial(server.api.torrents, hashes=there), lambda rows: not rows)
    raise AssertionError("the seed does not give it")


def _logged(script: Path, lines: int) -> list[str]:
    """The script's log once it has so many lines."""

    def logged() -> list[str]:
        log = _log(script)
        return log.read_text().splitlines() if log.exists() else []

    return library.wait_for(logged, lambda found: len(found) == lines, seconds=20)
