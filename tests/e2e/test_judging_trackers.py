"""rem_unregistered and tag_tracker_error on real servers of every generation.

One library holds a torrent for each thing that a tracker can do, and for pairs of them. It is
planned, run, and run again; the tests look at what the server and the bin then hold of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from tests.lab import library, torrents
from tests.lab.ports import free_port
from tests.lab.proxy import Proxy
from tests.lab.servers import Server, differences, state_of
from tests.lab.torrents import Torrent
from tests.lab.tracker import (
    UNKNOWN_HOST_URL,
    UNREGISTERED,
    Answer,
    Fails,
    HangsUp,
    Page,
    Silence,
    Status,
    Tracker,
    Works,
)
from tests.program import Ended, qbm, write_config

_BOTH = ("rem_unregistered", "tag_tracker_error")
_ANSWERS: Mapping[str, Answer] = {
    "works": Works(),
    "warns": Works(warning="Unregistered torrent"),
    "unregistered": UNREGISTERED,
    "deleted": Fails("Torrent has been deleted."),
    "own word": Fails("Zut alors"),
    "ratio": Fails("Ratio too low"),
    "banned": Fails("client is banned"),
    "later": Fails("Announce is currently unavailable"),
    "passkey": Fails("Unregistered passkey"),
    "ignored": Fails("Torrent not found, try again"),
    "down": Fails("Tracker is down"),
    "empty reason": Fails(""),
    "404": Status(404),
    "404 with a reason": Status(404, "Unregistered torrent"),
    "502": Status(502),
    "503": Status(503, "Unregistered torrent"),
    "page": Page(),
    "hangs up": HangsUp(),
}
_HEALTHY = {"works", "warns"}
_GONE = {"unregistered", "deleted", "own word"}
_OUT = {"down", "502"}
_AWAY = {
    *("later", "passkey", "ignored", "404", "404 with a reason", "page", "hangs up"),
    *("refused", "unknown host"),
}
_PAIRED = ("works", "unregistered", "ratio", "later", "down", "404", "refused", "unknown host")
_HEALTHY_OTHERS = 40
"""So that no guard sees a mass of unregistered torrents."""


@dataclass(frozen=True, slots=True)
class Case:
    """A torrent, and what each of its trackers does; ``tags`` are there before."""

    kinds: tuple[str, ...]
    torrent: Torrent
    tags: tuple[str, ...] = ()
    is_stopped: bool = False

    @property
    def is_silent(self) -> bool:
        """No tracker of it is ever asked."""
        return self.is_stopped or not self.kinds


def _cases(tracker: Tracker) -> list[Case]:
    urls = {kind: tracker.url(kind) for kind in _ANSWERS}
    urls |= {
        "refused": f"http://127.0.0.1:{free_port()}/announce/refused",
        "unknown host": UNKNOWN_HOST_URL,
    }
    for kind, answer in _ANSWERS.items():
        tracker.answer(kind, answer)

    def case(*kinds: str, **rest: Any) -> Case:
        name = f"{'+'.join(kinds)} {len(rest)}.bin"
        return Case(kinds, torrents.single(name, *(urls[kind] for kind in kinds)), **rest)

    tagged = {"tags": ("issue", "mine")}
    return [
        *(case(kind) for kind in urls),
        *(case(*pair) for pair in combinations(_PAIRED, 2)),
        case("works", **tagged),
        case("ratio", **tagged),
        case("down", **tagged),
        case("unregistered", **tagged),
        case("unregistered", is_stopped=True, **tagged),
        case(**tagged),
    ]


def _fate(case: Case) -> str:
    """What is to become of a torrent: removed, tagged, or neither."""
    kinds = set(case.kinds)
    if case.is_silent:
        return "left"
    if kinds & _HEALTHY:
        return "untagged"
    if kinds & _GONE and not kinds & (_AWAY | _OUT):
        return "removed"
    return "left" if kinds <= _OUT else "tagged"


def _tags_after(case: Case) -> set[str]:
    fate = _fate(case)
    if fate == "tagged":
        return {*case.tags, "issue"}
    return set(case.tags) - {"issue"} if fate == "untagged" else set(case.tags)


def _config(url: str, root: Path, **settings: Any) -> dict[str, Any]:
    return {
        "qbt": {"host": url},
        "directory": {"root_dir": str(root)},
        "settings": {
            "rem_unregistered_grace_minutes": 0,
            "rem_unregistered_max_torrents": 0,
            "rem_unregistered_ignore_list": ["try again"],
            **settings,
        },
        "tracker": {"127.0.0.1": {"tag": "lab", "unregistered": ["zut"]}},
    }


def _run(folder: Path, *words: str) -> Ended:
    ended = qbm(*words, "--json", "--config-dir", str(folder))
    assert ended.status == 0, ended.output + ended.errors
    return ended


def _add(server: Server, cases: Iterable[Case]) -> dict[str, Case]:
    """The cases on the server, by hash, each as soon as its trackers have answered."""
    added: dict[str, Case] = {}
    for case in cases:
        [found] = library.add(server, case.torrent, is_stopped=case.is_stopped, tags=case.tags)
        added[found] = case
    _answered(server, added)
    return added


def _answered(server: Server, cases: Mapping[str, Case]) -> None:
    """All trackers have answered: a failing one is asked again some 15 s later."""
    for each, case in cases.items():
        if not case.is_silent:
            library.announced(server, each, seconds=30)


def _pad(server: Server, tracker: Tracker, count: int = _HEALTHY_OTHERS) -> list[str]:
    healthy = torrents.many(count, tracker.url("healthy"), prefix="healthy")
    return library.add(server, *healthy, is_stopped=False)


def _tags(row: Mapping[str, Any]) -> set[str]:
    return set(filter(None, row["tags"].split(", ")))


def _codes(decisions: Iterable[Mapping[str, Any]], command: str) -> dict[str, str]:
    """Why each torrent was left, by hash."""
    return {
        each["hash"]: each["reason"]["code"] for each in decisions if each["command"] == command
    }


def _assert_reasons(run: Mapping[str, Any], cases: Mapping[str, Case]) -> None:
    """Each decision gives the reason that this torrent's trackers are."""
    left = _codes(run["left_alone"], "rem_unregistered")
    waiting = _codes(run["deferred"], "rem_unregistered")
    for each, case in cases.items():
        kinds = set(case.kinds)
        fate = _fate(case)
        if kinds & _GONE and fate == "tagged":
            assert waiting.pop(each) == "unregistered_vetoed", case
        elif fate != "removed" and not (fate == "untagged" and case.tags):
            code = left[each]
            if case.is_silent:
                assert code in {"tracker_undecided", "no_tracker", "tracker_works"}, case
            elif fate == "untagged":
                assert code == "tracker_works", case
            elif len(kinds) == 1 and kinds <= _OUT:
                assert code == "tracker_outage", case
            elif len(kinds) == 1 and kinds <= _AWAY:
                assert code in {"tracker_maintenance", "tracker_silent"}, case
            elif len(kinds) == 1 and kinds != {"empty reason"}:
                assert code == "tracker_error", case
    assert not waiting
    for change in run["changes"]:
        assert change["why"].count("its tracker") >= 1
        assert "/announce" not in change["why"]


def test_what_each_tracker_does_decides_what_becomes_of_its_torrent(
    server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    cases = _add(server, _cases(tracker))
    healthy = _pad(server, tracker)
    root = server.save_path
    with Proxy(server.url) as proxy:
        write_config(tmp_path, _config(proxy.url, root))
        before = state_of(server)
        _answered(server, cases)
        plan = _run(tmp_path, "plan", *_BOTH).json["runs"][0]
        assert differences(before, state_of(server)) == []
        _answered(server, cases)
        first = _run(tmp_path, "run", *_BOTH).json["runs"][0]
        rows = server.api.by_hash()
        proxy.forget()
        second = _run(tmp_path, "run", *_BOTH).json["runs"][0]
        assert [each.path for each in proxy.writes] == []
    fates = {each: _fate(case) for each, case in cases.items()}
    removed = {each for each, fate in fates.items() if fate == "removed"}
    assert {each for each in cases if each not in rows} == removed
    shown = {case.torrent.name: _tags(rows[each]) for each, case in cases.items() if each in rows}
    assert shown == {
        case.torrent.name: _tags_after(case) for each, case in cases.items() if each in rows
    }
    assert all(_tags(rows[each]) == set() for each in healthy)
    for run in (plan, first):
        assert run["stats"]["rem_unreg"] == run["stats"]["deleted_contents"] == len(removed)
        tagged = [each for each, fate in fates.items() if fate == "tagged"]
        new = [each for each in tagged if "issue" not in cases[each].tags]
        assert run["stats"]["tagged_tracker_error"] == run["stats"]["tagged"] == len(new)
        assert run["stats"]["untagged_tracker_error"] == 1
        _assert_reasons(run, cases)
    assert {each["outcome"]["type"] for each in first["changes"]} == {"Applied"}
    assert second["changes"] == []
    # The content of what is gone lies in the bin, all other content in its place.
    for each, case in cases.items():
        for path in case.torrent.paths(root):
            assert path.exists() is (each not in removed)
        for path in case.torrent.paths(root / ".RecycleBin"):
            assert path.exists() is (each in removed)


def test_a_torrent_that_works_again_loses_the_tag_whichever_command_is_asked_for(
    server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    tracker.default = Fails("Ratio too low")
    made = torrents.many(2, tracker.url("sick"))
    hashes = library.add(server, *made, is_stopped=False)
    for each in hashes:
        library.announced(server, each)
    write_config(tmp_path, _config(server.url, server.save_path))
    _run(tmp_path, "run", "rem_unregistered")
    assert [_tags(row) for row in server.api.torrents()] == [set(), set()]
    _run(tmp_path, "run", "tag_tracker_error")
    assert [_tags(row) for row in server.api.torrents()] == [{"issue"}, {"issue"}]
    tracker.default = Works()
    library.reannounce(server, *hashes)
    for each in hashes:
        library.announced(server, each, is_right=_work)
    for command, each in zip(_BOTH, hashes, strict=True):
        [run] = _run(tmp_path, "run", command, "--hash", each).json["runs"]
        assert run["stats"]["untagged_tracker_error"] == 1
        assert _tags(server.api.by_hash()[each]) == set()


def _work(rows: list[dict[str, Any]]) -> bool:
    return [row["status"] for row in rows if "://" in row["url"]] == [2]


def _is_asked(rows: list[dict[str, Any]]) -> bool:
    """The tracker is being asked just now."""
    return any(row["status"] == 3 or row.get("updating") for row in rows)


def test_a_tracker_that_is_asked_again_decides_nothing_until_it_has_answered(
    server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    """An old message still stands there meanwhile; it then times out after 30 seconds."""
    old, new = (
        torrents.single("old.bin", tracker.url("old")),
        torrents.single("new.bin", tracker.url("new")),
    )
    tracker.answer("old", UNREGISTERED)
    [old_hash] = library.add(server, old, is_stopped=False)
    library.announced(server, old_hash)
    tracker.answer("old", Silence())
    tracker.answer("new", Silence())
    [new_hash] = library.add(server, new, is_stopped=False)
    hashes = [old_hash, new_hash]
    if server.version.startswith("4.2."):
        hashes = [new_hash]  # goes on showing status 4 of what failed before
        server.api.post("torrents/delete", hashes=old_hash, deleteFiles=False)
        library.wait_for(server.api.torrents, lambda rows: len(rows) == 1)
    for each in hashes:
        library.announced(server, each, is_right=_is_asked)
    write_config(tmp_path, _config(server.url, server.save_path))
    [run] = _run(tmp_path, "run", *_BOTH).json["runs"]
    assert run["changes"] == []
    assert {each["reason"]["code"] for each in run["left_alone"]} == {"tracker_undecided"}
    for each in hashes:
        library.wait_for(lambda: server.api.trackers(each), _has_failed, seconds=60)  # noqa: B023
    [run] = _run(tmp_path, "run", *_BOTH).json["runs"]
    assert {_kind(each) for each in run["changes"]} == {"AddTags"}
    assert run["stats"]["tagged_tracker_error"] == len(hashes)


def _has_failed(rows: list[dict[str, Any]]) -> bool:
    return not _is_asked(rows) and any(row["status"] == 4 for row in rows)


def _kind(change: Mapping[str, Any]) -> str:
    return str(change["change"]["type"])


# What holds back a removal, on one generation: the server has no part in it.


def _disowned(server: Server, tracker: Tracker, count: int) -> list[str]:
    """Torrents that the tracker does not know, in the order of their addition."""
    tracker.answer("gone", UNREGISTERED)
    made = torrents.many(count, tracker.url("gone"), prefix="gone")
    hashes = library.add(server, *made, is_stopped=False)
    for each in hashes:
        library.announced(server, each)
    return hashes


def _one_run(folder: Path, *words: str) -> dict[str, Any]:
    [run] = _run(folder, "run", *words).json["runs"]
    return run  # type: ignore[no-any-return]


def _removed(run: Mapping[str, Any]) -> list[str]:
    return [each["change"]["hash"] for each in run["changes"] if _kind(each) == "RemoveTorrent"]


def test_sightings_are_kept_from_run_to_run_but_not_by_a_dry_one(
    trixie_server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    [gone] = _disowned(trixie_server, tracker, 1)
    settings = {"rem_unregistered_min_sightings": 2, "max_removal_percent": 0}
    config = _config(trixie_server.url, trixie_server.save_path, **settings)
    write_config(tmp_path, config)
    for words in ((_BOTH[0], "--dry-run"), (_BOTH[0], "--dry-run"), (_BOTH[0],)):
        run = _one_run(tmp_path, *words)
        assert run["changes"] == []
        assert _codes(run["deferred"], _BOTH[0]) == {gone: "unregistered_too_few"}
    # A tracker that knows it meanwhile has all of that forgotten.
    tracker.answer("gone", Works())
    library.reannounce(trixie_server, gone)
    library.announced(trixie_server, gone, is_right=_work)
    assert _one_run(tmp_path, _BOTH[1])["changes"] == []
    tracker.answer("gone", UNREGISTERED)
    library.reannounce(trixie_server, gone)
    library.announced(trixie_server, gone, is_right=_has_failed)
    run = _one_run(tmp_path, _BOTH[0])
    assert _codes(run["deferred"], _BOTH[0]) == {gone: "unregistered_too_few"}, run
    assert _removed(_one_run(tmp_path, _BOTH[0])) == [gone]
    assert trixie_server.api.torrents() == []


def test_a_new_torrent_waits_and_is_tagged_meanwhile(
    trixie_server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    [gone] = _disowned(trixie_server, tracker, 1)
    grace = {"rem_unregistered_grace_minutes": 10}
    write_config(tmp_path, _config(trixie_server.url, trixie_server.save_path, **grace))
    run = _one_run(tmp_path, *_BOTH)
    assert _codes(run["deferred"], _BOTH[0]) == {gone: "unregistered_too_new"}
    assert [_kind(each) for each in run["changes"]] == ["AddTags"]
    assert _one_run(tmp_path, *_BOTH)["changes"] == []


def test_the_cap_leaves_the_youngest_to_the_next_run(
    trixie_server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    hashes = _disowned(trixie_server, tracker, 3)
    _pad(trixie_server, tracker, 30)
    cap = {"rem_unregistered_max_torrents": 2}
    write_config(tmp_path, _config(trixie_server.url, trixie_server.save_path, **cap))
    first = _one_run(tmp_path, _BOTH[0])
    [capped] = _codes(first["deferred"], _BOTH[0])
    second = _one_run(tmp_path, _BOTH[0])
    assert {*_removed(first), capped} == set(hashes)
    assert _removed(second) == [capped]
    assert _one_run(tmp_path, _BOTH[0])["changes"] == []


def test_most_of_a_tracker_at_once_is_left_whichever_of_them_is_asked_for(
    trixie_server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    hashes = _disowned(trixie_server, tracker, 7)
    _pad(trixie_server, tracker, 6)
    write_config(tmp_path, _config(trixie_server.url, trixie_server.save_path))
    run = _one_run(tmp_path, _BOTH[0], "--hash", hashes[0])
    assert (run["changes"], run["whole"]) == ([], True)
    run = _one_run(tmp_path, *_BOTH)
    assert {_kind(each) for each in run["changes"]} == {"AddTags"}
    assert {each["change"]["hash"] for each in run["changes"]} == set(hashes)
    [notice] = run["notices"]
    assert notice["reason"]["fields"] == {"number": "7", "whole": "13", "host": "127.0.0.1"}
    library.add(trixie_server, torrents.single("more.bin", tracker.url("healthy")))
    run = _one_run(tmp_path, _BOTH[0], "--hash", hashes[0])
    assert _removed(run) == [hashes[0]]


def test_removals_that_are_refused_leave_the_torrents_to_be_tagged(
    trixie_server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    """More than max_removal_percent allows, though at no tracker a mass."""
    hashes = _disowned(trixie_server, tracker, 12)
    _pad(trixie_server, tracker, 13)
    write_config(tmp_path, _config(trixie_server.url, trixie_server.save_path))
    ended = qbm("run", *_BOTH, "--json", "--config-dir", str(tmp_path))
    [run] = ended.json["runs"]
    assert ended.status == 1
    assert [each["command"] for each in run["refused"]] == [_BOTH[0]]
    assert {_kind(each) for each in run["changes"]} == {"AddTags"}
    assert {each["change"]["hash"] for each in run["changes"]} == set(hashes)
    assert len(trixie_server.api.torrents()) == 25
