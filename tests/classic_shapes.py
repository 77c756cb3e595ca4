"""What the older tool's Web API answers, as recorded, and where an answer of ours falls short.

The recordings lie in ``tests/cases/classic_api``; its README tells how they were made.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "cases/classic_api"
_ERROR = {"detail": "a text"}
_NOT_ROUTES = frozenset({"files", "differences"})


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded request and its answer.

    A ``body`` that is text was sent as it is (lone surrogates are bytes that are no UTF-8), None
    is no body, anything else was sent as JSON.
    """

    route: str
    name: str
    scene: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int
    content_type: str
    answer_headers: Mapping[str, str]
    answer: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """A deliberate one: where ``theirs`` was the status, ours is one of ``ours``, and ``why``.

    It holds for ``cases`` of ``route``, without names for all of the route, without a route for
    all. Where ``is_other_answer``, even an answer that succeeds has another shape.
    """

    theirs: int
    ours: tuple[int, ...]
    why: str
    route: str | None = None
    cases: tuple[str, ...] = ()
    is_other_answer: bool = False

    def holds_for(self, case: Case) -> bool:
        """The case is one of those that it speaks of."""
        return (
            case.status == self.theirs
            and self.route in {None, case.route}
            and (not self.cases or case.name in self.cases)
        )


def routes() -> list[str]:
    """The names of all recorded routes."""
    return sorted(file.stem for file in FOLDER.glob("*.json") if file.stem not in _NOT_ROUTES)


@lru_cache
def cases(route: str) -> tuple[Case, ...]:
    """The route's cases, scene by scene, in the order in which they were asked."""
    return tuple(_case(route, entry) for entry in _read(route))


@lru_cache
def differences() -> tuple[Difference, ...]:
    """Where ours deliberately answers otherwise; the first that holds for a case counts."""
    return tuple(
        Difference(
            **{
                **row,
                "ours": tuple(row["ours"]),
                "cases": tuple(row.get("cases", ())),
            },
        )
        for row in _read("differences")
    )


def unmet(case: Case, status: int, answer: Any) -> list[str]:
    """What a client of the older tool would miss in our answer to the case; empty is good.

    Deliberate differences are no fault. Every error of ours is ``{"detail": text}``.
    """
    difference = next((one for one in differences() if one.holds_for(case)), None)
    statuses = difference.ours if difference else (case.status,)
    if status not in statuses:
        return [f"status {status}, not {' or '.join(map(str, statuses))}"]
    if status >= 400:
        return shortfalls(_ERROR, answer)
    if case.status >= 400 or (difference and difference.is_other_answer):
        return []
    return shortfalls(case.answer, answer, nullable(one.answer for one in cases(case.route)))


def shortfalls(theirs: Any, ours: Any, may_be_null: Collection[str] = ()) -> list[str]:
    """Where ``ours`` is no superset of ``theirs``: fields that lack, values of another JSON type.

    Values themselves are not compared. An item of our lists must cover one of theirs. Where
    theirs is null its type is not known, so ours may be anything; where ours is null, theirs
    must be, or the place must be in ``may_be_null`` (``application.last_run``, ``results[].x``).
    """
    return list(_shortfalls(theirs, ours, "", may_be_null))


def nullable(answers: Iterable[Any]) -> frozenset[str]:
    """The places that are null in one of the answers."""
    return frozenset(place for answer in answers for place in _nulls(answer, ""))


def _shortfalls(theirs: Any, ours: Any, at: str, may_be_null: Collection[str]) -> Iterator[str]:
    if theirs is None or (ours is None and at in may_be_null):
        return
    if not _is_of_type(theirs, ours):
        yield f"{at or 'the answer'}: {_kind(ours)}, not {_kind(theirs)}"
    elif isinstance(theirs, dict):
        for name, value in theirs.items():
            place = f"{at}.{name}" if at else name
            if name in ours:
                yield from _shortfalls(value, ours[name], place, may_be_null)
            else:
                yield f"{place}: missing"
    elif isinstance(theirs, list) and theirs:
        yield from _items(theirs, ours, f"{at}[]", may_be_null)


def _items(
    theirs: list[Any],
    ours: list[Any],
    at: str,
    may_be_null: Collection[str],
) -> Iterator[str]:
    if not ours:
        yield f"{at}: no item to compare"
    for item in ours:
        tried = [list(_shortfalls(each, item, at, may_be_null)) for each in theirs]
        yield from min(tried, key=len)


def _nulls(answer: Any, at: str) -> Iterator[str]:
    match answer:
        case None:
            yield at
        case dict():
            for name, value in answer.items():
                yield from _nulls(value, f"{at}.{name}" if at else name)
        case list():
            for item in answer:
                yield from _nulls(item, f"{at}[]")
        case _:
            pass


def _is_of_type(theirs: Any, ours: Any) -> bool:
    """A whole number also does where the older tool has one with a fraction."""
    return _kind(ours) == _kind(theirs) or (_kind(theirs), _kind(ours)) == (
        "a number",
        "a whole number",
    )


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"


def _case(route: str, entry: Mapping[str, Any]) -> Case:
    request = entry["request"]
    return Case(
        route=route,
        name=entry["name"],
        scene=entry["scene"],
        method=request["method"],
        path=request["path"],
        headers=request["headers"],
        body=request["body"],
        status=entry["status"],
        content_type=entry["content_type"],
        answer_headers=entry["headers"],
        answer=entry["body"],
    )


def _read(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return rows
