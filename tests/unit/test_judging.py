"""What a torrent's trackers say together: every pair of conditions, every mixture of classes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement, permutations

import pytest

from qbm.commands.judging import (
    Failing,
    Healthy,
    Judgement,
    NothingFails,
    Undecided,
    Unread,
    judge,
    seen,
)
from qbm.commands.tracker_lexicon import Meaning, lexicon
from qbm.model.reason import Code
from qbm.model.snapshot import Selection
from qbm.model.tracker import Tracker, TrackerStatus
from qbm.model.unknown import UNKNOWN
from tests.factories import a_config, a_hash, a_torrent, a_tracker
from tests.tracker_rows import Condition, Generation, row

_WORDS = {
    each: lexicon(a_config(), tells_tracker_errors=each.tells_tracker_errors) for each in Generation
}
_C = Condition
_KINDS = {
    "works": {_C.WORKING, _C.WARNING},
    "undecided": {_C.NEVER, _C.RETRYING},
    "unregistered": {_C.UNREGISTERED},
    "maintenance": {_C.MAINTENANCE, _C.REFUSED, _C.TIMED_OUT, _C.DNS, _C.HTTP_404, _C.PAGE},
    "outage": {_C.OUTAGE, _C.HTTP_502},
    "error": {_C.ERROR, _C.HTTP_503},
    "disabled": {_C.DISABLED},
}


def _kind(condition: Condition, generation: Generation) -> str:
    if condition is _C.EMPTY_REASON:
        return "maintenance" if generation is Generation.V4_2 else "error"
    return next(kind for kind, conditions in _KINDS.items() if condition in conditions)


def _judged(conditions: Sequence[Condition], generation: Generation) -> Judgement:
    rows = tuple(
        row(each, generation, f"https://{number}.example.org/announce/key")
        for number, each in enumerate(conditions)
    )
    return judge(a_torrent(trackers=rows), _WORDS[generation])


def _summed_up(judgement: Judgement) -> str:
    """In one word, as the tables of this file have it."""
    match judgement:
        case Healthy():
            return "works"
        case Undecided():
            return "undecided"
        case Failing() if judgement.unregistered:
            return "vetoed" if judgement.may_be_known else "unregistered"
        case Failing():
            return "faulty" if judgement.faults else "outage"
        case NothingFails():
            return "nothing"
        case Unread():
            return "unread"


# What two trackers come to together, by the kind of each.
_PAIRS = """
                works  undecided  unregistered  maintenance  outage     error         disabled
works           works  works      works         works        works      works         works
undecided       works  undecided  undecided     undecided    undecided  undecided     undecided
unregistered    works  undecided  unregistered  vetoed       vetoed     unregistered  unregistered
maintenance     works  undecided  vetoed        faulty       faulty     faulty        faulty
outage          works  undecided  vetoed        faulty       outage     faulty        outage
error           works  undecided  unregistered  faulty       faulty     faulty        faulty
disabled        works  undecided  unregistered  faulty       outage     faulty        nothing
"""


def _table() -> dict[tuple[str, str], str]:
    head, *lines = (line.split() for line in _PAIRS.strip().splitlines())
    return {
        (line[0], kind): word for line in lines for kind, word in zip(head, line[1:], strict=True)
    }


@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(Condition, 2)))
def test_two_trackers_in_every_pair_of_conditions(
    one: Condition, other: Condition, generation: Generation
) -> None:
    expected = _table()[_kind(one, generation), _kind(other, generation)]
    assert _summed_up(_judged([one, other], generation)) == expected
    assert _summed_up(_judged([other, one], generation)) == expected


@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize("condition", Condition)
def test_one_tracker_in_every_condition(condition: Condition, generation: Generation) -> None:
    kind = _kind(condition, generation)
    assert _summed_up(_judged([condition], generation)) == _table()[kind, kind]


def test_the_table_of_pairs_reads_the_same_both_ways() -> None:
    table = _table()
    assert all(table[one, other] == table[other, one] for one, other in table)


_ONE_OF_EACH = (
    _C.WORKING,
    _C.NEVER,
    _C.UNREGISTERED,
    _C.MAINTENANCE,
    _C.OUTAGE,
    _C.ERROR,
    _C.DISABLED,
)


def _of_all(kinds: set[str]) -> str:
    if "works" in kinds or "undecided" in kinds:
        return "works" if "works" in kinds else "undecided"
    if "unregistered" in kinds:
        return "vetoed" if kinds & {"maintenance", "outage"} else "unregistered"
    if kinds & {"maintenance", "error"}:
        return "faulty"
    return "outage" if "outage" in kinds else "nothing"


@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize("size", range(len(_ONE_OF_EACH) + 1))
def test_every_mixture_of_kinds(size: int, generation: Generation) -> None:
    for mixture in combinations(_ONE_OF_EACH, size):
        expected = _of_all({_kind(each, generation) for each in mixture})
        assert _summed_up(_judged(mixture, generation)) == expected, mixture


def test_the_order_of_three_trackers_does_not_matter() -> None:
    for mixture in combinations(_ONE_OF_EACH, 3):
        words = {
            _summed_up(_judged(order, generation))
            for order in permutations(mixture)
            for generation in [Generation.V5_3]
        }
        assert len(words) == 1, mixture


def test_trackers_that_could_not_be_read_are_no_judgement() -> None:
    words = _WORDS[Generation.V5_3]
    assert judge(a_torrent(trackers=UNKNOWN), words) == Unread()
    failing = row(_C.UNREGISTERED, Generation.V5_3, "https://one.org/announce")
    url_only = Tracker("https://two.org/announce")
    assert judge(a_torrent(trackers=(failing, url_only)), words) == Unread()
    assert judge(a_torrent(trackers=(url_only, a_tracker())), words) == Healthy(
        "tracker.example.org"
    )


def test_rows_that_are_no_trackers_say_nothing() -> None:
    pseudo = Tracker("** [DHT] **", TrackerStatus.WORKING)
    failing = row(_C.ERROR, Generation.V4_5, "https://one.org/announce")
    words = _WORDS[Generation.V4_5]
    assert judge(a_torrent(trackers=(pseudo,)), words) == NothingFails(has_trackers=False)
    assert isinstance(judge(a_torrent(trackers=(pseudo, failing)), words), Failing)


def test_a_working_tracker_that_is_asked_again_still_works() -> None:
    asked = Tracker("https://one.org/", TrackerStatus.WORKING, is_updating=True)
    assert judge(a_torrent(trackers=(asked,)), _WORDS[Generation.V5_3]) == Healthy("one.org")


def test_a_disabled_tracker_is_not_waited_for() -> None:
    off = Tracker("https://one.org/", TrackerStatus.DISABLED, is_updating=True)
    failing = row(_C.ERROR, Generation.V5_3, "https://two.org/")
    judgement = judge(a_torrent(trackers=(off, failing)), _WORDS[Generation.V5_3])
    assert isinstance(judgement, Failing)
    assert [each.host for each in judgement.findings] == ["two.org"]


def test_every_finding_is_told_with_host_message_and_word() -> None:
    judgement = _judged([_C.UNREGISTERED, _C.OUTAGE, _C.ERROR], Generation.V4_5)
    assert str(judgement.reason) == (
        'its tracker 0.example.org does not know it: "Unregistered torrent" (unregistered); '
        'its tracker 1.example.org is down: "Tracker is down" (down); '
        'its tracker 2.example.org reports an error: "Ratio too low"'
    )
    silent = _judged([_C.REFUSED], Generation.V4_2)
    assert str(silent.reason) == "its tracker 0.example.org does not work and says nothing"


def test_each_other_judgement_is_told_too() -> None:
    told = {
        condition: _judged([condition], Generation.V4_5).reason.code
        for condition in (_C.WORKING, _C.RETRYING, _C.DISABLED)
    }
    assert told == {
        _C.WORKING: Code.TRACKER_WORKS,
        _C.RETRYING: Code.TRACKER_UNDECIDED,
        _C.DISABLED: Code.TRACKERS_DISABLED,
    }
    assert _judged([], Generation.V4_5).reason.code is Code.NO_TRACKER


_KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "msg",
    [
        f"Unregistered torrent {_KEY}",
        f"Unregistered: http://{_KEY}:hunter2@x.org:80/{_KEY}/announce?passkey={_KEY}",
        f"passkey={_KEY} unregistered",
        f"unregistered\r\n\x1b[31m{_KEY}\u202e",
        f"unregistered {'x ' * 3000}{_KEY}",
    ],
)
def test_a_reason_shows_one_short_line_without_passkeys(msg: str) -> None:
    tracker = Tracker(f"https://t.org/{_KEY}/announce", TrackerStatus.NOT_WORKING, msg)
    judgement = judge(a_torrent(trackers=(tracker,)), _WORDS[Generation.V4_5])
    assert isinstance(judgement, Failing)
    [finding] = judgement.findings
    told = str(judgement.reason)
    assert _KEY not in told
    assert "hunter2" not in told
    assert told.isprintable()
    assert len(finding.message) <= 200
    assert finding.meaning in {Meaning.UNREGISTERED, Meaning.MAINTENANCE}


def test_a_tracker_without_a_host_is_shown_without_its_passkey() -> None:
    tracker = Tracker(f"https://[::1/{_KEY}", TrackerStatus.NOT_WORKING, "x")
    told = str(judge(a_torrent(trackers=(tracker,)), _WORDS[Generation.V4_5]).reason)
    assert _KEY not in told
    assert "[::1" in told


def test_only_what_may_be_changed_is_remembered_and_only_what_is_certain() -> None:
    judgements = {
        a_hash(name): _judged(conditions, Generation.V5_3)
        for name, conditions in {
            "works": [_C.WORKING, _C.UNREGISTERED],
            "gone": [_C.UNREGISTERED],
            "vetoed": [_C.UNREGISTERED, _C.OUTAGE],
            "asked again": [_C.RETRYING],
            "error": [_C.ERROR],
            "off": [_C.DISABLED],
        }.items()
    }
    all_of_it = seen(judgements, Selection())
    assert all_of_it.sighted == {a_hash("gone"), a_hash("vetoed")}
    assert all_of_it.recovered == {a_hash("works")}
    some = seen(judgements, Selection(hashes=frozenset({a_hash("gone"), a_hash("error")})))
    assert some.sighted == {a_hash("gone")}
    assert not some.recovered
