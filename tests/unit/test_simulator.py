"""The simulator without HTTP: its library, its samples, its record, writes that show late."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from qbm.model.torrent import State, parse_hash
from qbm.model.tracker import TrackerStatus
from qbm.simulator import (
    NEVER,
    PROFILES,
    Answer,
    Call,
    Credentials,
    Late,
    SimulatedFile,
    SimulatedTorrent,
    SimulatedTracker,
    Simulator,
    profile_of,
    sample_torrents,
)

FIRST, SECOND = "a" * 40, "b" * 40


def simulator(version: str = "5.1.0", **rest: Any) -> Simulator:
    return Simulator(PROFILES[version], Credentials(required=False), **rest)


def get(server: Simulator, path: str, **query: str) -> Answer:
    return server.answer(Call(method="GET", path=path, query=query))


def post(server: Simulator, path: str, **form: str) -> Answer:
    return server.answer(Call(method="POST", path=path, form=form))


def tags_of(server: Simulator, identity: str) -> str:
    rows = json.loads(get(server, "torrents/info", hashes=identity).body)
    return str(rows[0]["tags"])


def test_a_profile_is_found_by_the_web_api_version() -> None:
    assert profile_of("2.5.1").version == "4.2.5"
    assert profile_of("2.11.4").version == "5.1.0"
    assert profile_of("2.15.0").version == "5.1.0"
    assert profile_of("2.99").version == "5.3.0"
    assert profile_of("2.2").version == "4.2.5"


def test_samples_are_the_same_for_the_same_seed() -> None:
    assert list(sample_torrents(50)) == list(sample_torrents(50))
    assert list(sample_torrents(50, seed=1)) != list(sample_torrents(50))


def test_samples_have_the_shares_that_were_asked_for() -> None:
    made = list(sample_torrents(2000, v2_only=0.1, hybrid=0.2, incomplete=0.3, stopped=1.0))
    kinds = Counter((bool(each.infohash_v1), bool(each.infohash_v2)) for each in made)
    assert kinds[False, True] == pytest.approx(200, abs=50)
    assert kinds[True, True] == pytest.approx(400, abs=70)
    states = Counter(each.state for each in made)
    assert states.keys() == {State.STOPPED_UP, State.STOPPED_DL}
    assert states[State.STOPPED_DL] == pytest.approx(600, abs=80)


def test_samples_lie_in_the_past_and_have_real_hashes() -> None:
    now = 1_700_000_000
    for each in sample_torrents(500, now=now):
        assert each.added_on <= each.last_activity < now
        assert each.completion_on == NEVER or each.added_on < each.completion_on <= now
        assert (each.completion_on == NEVER) == (each.progress < 1)
        assert parse_hash(each.infohash_v1 or each.infohash_v2)


@pytest.mark.parametrize("version", PROFILES)
def test_ten_thousand_torrents_are_told_at_once(version: str) -> None:
    server = simulator(version)
    server.add(sample_torrents(10_000, v2_only=0))
    answer = get(server, "torrents/info", includeTrackers="true")
    assert len(json.loads(answer.body)) == 10_000


def test_a_server_without_version_2_takes_no_torrent_that_has_only_that() -> None:
    with pytest.raises(ValueError, match="modern"):
        simulator("4.2.5").add([SimulatedTorrent(name="modern", infohash_v2="c" * 64)])


def test_a_hybrid_is_known_by_its_second_hash_where_that_is_known() -> None:
    hybrid = SimulatedTorrent(name="both", infohash_v1=FIRST, infohash_v2="c" * 64)
    assert simulator("4.2.5").add([hybrid]) == [FIRST]
    assert simulator("5.1.0").add([hybrid]) == ["c" * 40]


def test_an_added_torrent_brings_its_category_and_tags() -> None:
    server = simulator()
    server.add([SimulatedTorrent(name="x", infohash_v1=FIRST, category="tv", tags=frozenset("ab"))])
    assert json.loads(get(server, "torrents/tags").body) == ["a", "b"]
    assert list(json.loads(get(server, "torrents/categories").body)) == ["tv"]


def test_any_field_of_a_torrent_can_be_set() -> None:
    server = simulator()
    server.add([SimulatedTorrent(name="x", infohash_v1=FIRST, extra={"ratio": 2.5})])
    server.change(FIRST, progress=0.5, state=State.DOWNLOADING)
    row = json.loads(get(server, "torrents/info").body)[0]
    assert (row["ratio"], row["progress"], row["state"]) == (2.5, 0.5, "downloading")


@pytest.mark.parametrize(
    ("names", "content", "root"),
    [
        (["film.mkv"], "/downloads/film.mkv", ""),
        (["series/1.mkv", "series/2.mkv"], "/downloads/series", "/downloads/series"),
        (["1.mkv", "2.mkv"], "/downloads", ""),
    ],
)
def test_content_is_a_file_or_the_folder_of_all_files(
    names: list[str], content: str, root: str
) -> None:
    server = simulator()
    files = tuple(SimulatedFile(name=name, size=1) for name in names)
    server.add([SimulatedTorrent(name="x", infohash_v1=FIRST, files=files)])
    row = json.loads(get(server, "torrents/info").body)[0]
    assert (row["content_path"], row["root_path"]) == (content, root)


def test_requests_are_recorded_and_writes_told_apart() -> None:
    server = simulator()
    get(server, "torrents/info", hashes=FIRST)
    post(server, "torrents/addTags", hashes=FIRST, tags="x")
    post(server, "torrents/setCategory", hashes=FIRST)
    assert [(each.path, each.status) for each in server.requests] == [
        ("torrents/info", 200),
        ("torrents/addTags", 200),
        ("torrents/setCategory", 400),
    ]
    assert [each.params for each in server.writes] == [
        {"hashes": FIRST, "tags": "x"},
        {"hashes": FIRST},
    ]
    server.requests.clear()
    get(server, "sync/maindata")
    assert server.writes == []


def test_what_is_not_simulated_is_said() -> None:
    answer = get(simulator(), "torrents/info", filter="completed")
    assert answer.status == 501
    assert b"filter" in answer.body


def two_torrents() -> Simulator:
    server = simulator()
    server.add(
        SimulatedTorrent(name=each, infohash_v1=each, trackers=(SimulatedTracker(url="http://x"),))
        for each in (FIRST, SECOND)
    )
    return server


def add_tags(server: Simulator, identity: str, late: Late) -> None:
    call = Call(method="POST", path="torrents/addTags", form={"hashes": identity, "tags": "late"})
    assert server.answer(call, late=late).status == 200


def test_a_late_write_shows_after_so_many_reads() -> None:
    server = two_torrents()
    add_tags(server, FIRST, Late(reads=2))
    assert [tags_of(server, FIRST) for _ in range(3)] == ["", "", "late"]
    assert server.library.torrents[FIRST].tags == {"late"}


def test_late_writes_show_in_their_order() -> None:
    server = two_torrents()
    add_tags(server, FIRST, Late(reads=1))
    add_tags(server, SECOND, Late(reads=1))
    shown = [
        {row["hash"]: row["tags"] for row in json.loads(get(server, "torrents/info").body)}
        for _ in range(3)
    ]
    assert [each[FIRST] + each[SECOND] for each in shown] == ["", "late", "latelate"]


def test_a_late_write_shows_after_some_seconds() -> None:
    server = two_torrents()
    add_tags(server, FIRST, Late(seconds=0.1))
    assert tags_of(server, FIRST) == ""
    time.sleep(0.15)
    assert tags_of(server, FIRST) == "late"


def test_a_late_category_can_be_used_at_once() -> None:
    server = two_torrents()
    create = Call(method="POST", path="torrents/createCategory", form={"category": "tv"})
    assert server.answer(create, late=Late(seconds=60)).status == 200
    assert post(server, "torrents/setCategory", hashes=FIRST, category="tv").status == 200
    assert json.loads(get(server, "torrents/categories").body) == {}


def film(**fields: Any) -> SimulatedTorrent:
    files = (
        SimulatedFile(name="film/one.mkv", size=3000, progress=fields.get("progress", 1.0)),
        SimulatedFile(name="film/sub/two.mkv", size=1000, progress=fields.get("progress", 1.0)),
    )
    return SimulatedTorrent(name="film", infohash_v1=FIRST, files=files, size=4000, **fields)


def row_of(server: Simulator, identity: str = FIRST) -> dict[str, Any]:
    rows: list[dict[str, Any]] = json.loads(get(server, "torrents/info", hashes=identity).body)
    return rows[0]


def test_facts_of_the_past_are_told_as_they_were_set() -> None:
    past = {"ratio": 2.5, "seeding_time": 9000, "num_complete": 12, "last_activity": 1_600_000_000}
    server = simulator()
    server.add([film(completion_on=1_500_000_000, **past)])
    row = row_of(server)
    assert {name: row[name] for name in past} == past
    assert row["completion_on"] == 1_500_000_000
    properties = json.loads(get(server, "torrents/properties", hash=FIRST).body)
    assert (properties["share_ratio"], properties["seeding_time"]) == (2.5, 9000)


def test_a_torrents_files_go_with_it_and_a_strangers_stay(tmp_path: Path) -> None:
    server = simulator(disk=tmp_path)
    server.add([film(), SimulatedTorrent(name="other", infohash_v1=SECOND, size=10)])
    folder = tmp_path / "downloads" / "film"
    assert (folder / "sub" / "two.mkv").stat().st_size == 1000
    stranger = folder / "stranger.txt"
    stranger.touch()
    post(server, "torrents/delete", hashes=FIRST, deleteFiles="true")
    post(server, "torrents/delete", hashes=SECOND, deleteFiles="1")
    assert server.library.torrents == {}
    assert sorted(folder.rglob("*")) == [stranger]
    assert (tmp_path / "downloads" / "other").exists()


def test_a_recheck_shows_as_one_and_then_finds_what_is_on_the_disk(tmp_path: Path) -> None:
    server = simulator(disk=tmp_path)
    server.add([film(state=State.STOPPED_UP, completion_on=1_500_000_000)])
    (tmp_path / "downloads/film/sub/two.mkv").unlink()
    post(server, "torrents/recheck", hashes=FIRST)
    shown = [row_of(server) for _ in range(3)]
    assert [(row["state"], row["progress"]) for row in shown] == [
        ("checkingUP", 0),
        ("stoppedDL", 0.75),
        ("stoppedDL", 0.75),
    ]
    assert shown[-1]["completion_on"] == 1_500_000_000
    files = json.loads(get(server, "torrents/files", hash=FIRST).body)
    assert [each["progress"] for each in files] == [1, 0]


def test_a_recheck_without_a_disk_finds_what_it_was_told_to() -> None:
    server = simulator()
    server.library.checking_reads = 0
    server.add([film(state=State.STALLED_DL, progress=0.0, found=1.0)])
    assert row_of(server)["state"] == "stalledDL"
    post(server, "torrents/recheck", hashes=FIRST)
    row = row_of(server)
    assert (row["state"], row["progress"]) == ("stalledUP", 1)
    assert row["completion_on"] > 1_700_000_000


def test_a_recheck_of_a_torrent_that_is_removed_meanwhile_ends() -> None:
    server = simulator()
    server.add([film()])
    post(server, "torrents/recheck", hashes=f"{FIRST}|{FIRST}")
    post(server, "torrents/delete", hashes=FIRST, deleteFiles="false")
    assert json.loads(get(server, "torrents/info").body) == []
    assert server.library.checks == {}


def test_the_torrent_file_that_was_given_is_exported_else_a_stand_in() -> None:
    server = simulator()
    magnet = SimulatedTorrent(name="x", infohash_v1="c" * 40, has_metadata=False)
    server.add(
        [film(metainfo=b"d4:infodee"), SimulatedTorrent(name="x", infohash_v1=SECOND), magnet]
    )
    assert get(server, "torrents/export", hash=FIRST).body == b"d4:infodee"
    assert b"4:name1:x" in get(server, "torrents/export", hash=SECOND).body
    assert get(server, "torrents/export", hash="c" * 40).status == 409
    assert get(simulator("4.2.5"), "torrents/export", hash=FIRST).status == 404


def test_incomplete_content_lies_in_the_folder_for_downloads() -> None:
    server = simulator()
    server.add([film(progress=0.5, download_path="/incomplete")])
    assert row_of(server)["content_path"] == "/incomplete/film"
    server.change(FIRST, progress=1.0)
    assert row_of(server)["content_path"] == "/downloads/film"


def test_a_file_that_is_not_wanted_has_no_priority_and_counts_in_the_total() -> None:
    server = simulator()
    files = (
        SimulatedFile(name="x/a", size=30),
        SimulatedFile(name="x/b", size=10, progress=0.0, is_wanted=False),
    )
    server.add([SimulatedTorrent(name="x", infohash_v1=FIRST, size=30, files=files)])
    told = json.loads(get(server, "torrents/files", hash=FIRST).body)
    assert [each["priority"] for each in told] == [1, 0]
    assert (row_of(server)["size"], row_of(server)["total_size"]) == (30, 40)


@pytest.mark.parametrize(
    ("version", "status", "updating"), [("4.5.2", 3, None), ("5.1.0", 3, None), ("5.3.0", 5, True)]
)
def test_a_tracker_that_is_being_asked_keeps_its_old_message(
    version: str, status: int, updating: object
) -> None:
    server = simulator(version)
    row = SimulatedTracker(
        url="http://x", status=TrackerStatus.TRACKER_ERROR, msg="gone", is_updating=True
    )
    server.add([film(trackers=(row,))])
    told = json.loads(get(server, "torrents/trackers", hash=FIRST).body)[-1]
    assert (told["status"], told["msg"], told.get("updating")) == (status, "gone", updating)


def test_a_preference_that_is_not_simulated_is_said() -> None:
    answer = post(simulator(), "app/setPreferences", json='{"dht": true}')
    assert answer.status == 501
    assert b"dht" in answer.body
