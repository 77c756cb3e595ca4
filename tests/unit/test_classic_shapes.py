from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from typing import Any

import pytest

from tests.classic_shapes import (
    FOLDER,
    Case,
    Difference,
    cases,
    differences,
    nullable,
    routes,
    shortfalls,
    unmet,
)

# A path of a machine, an address with a port, a time of day with its day, a key, a hash.
_TRACES = re.compile(
    r"/(?:home|root|tmp|work|dev|Users)/|127\.0\.0\.1:\d|\d{4}-\d\d-\d\d[T ]\d\d:|[\w-]{43}"
)


def _case(route: str, name: str, method: str = "POST") -> Case:
    [found] = [one for one in cases(route) if (one.name, one.method) == (name, method)]
    return found


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"a": 1}, {"a": 2, "more": "x"}),
        ({"a": {"b": ["x"]}}, {"a": {"b": ["y", "z"], "c": None}}),
        ([], [1, 2]),
        ([{"a": 1}], [{"a": 1, "b": 2}, {"a": 3}]),
        ([1, "two"], ["three"]),
        ({"a": None}, {"a": "anything"}),
        ({"a": 1.5}, {"a": 2}),
        ("text", "other text"),
        (None, {"a": 1}),
    ],
)
def test_more_than_theirs_is_no_shortfall(theirs: Any, ours: Any) -> None:
    assert shortfalls(theirs, ours) == []


@pytest.mark.parametrize(
    ("theirs", "ours", "told"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, ["b: missing"]),
        ({"a": {"b": 1}}, {"a": {}}, ["a.b: missing"]),
        ({"a": 1}, {"a": "1"}, ["a: text, not a whole number"]),
        ({"a": 1}, {"a": True}, ["a: true or false, not a whole number"]),
        ({"a": True}, {"a": 1}, ["a: a whole number, not true or false"]),
        ({"a": 1}, {"a": 1.0}, ["a: a number, not a whole number"]),
        ({"a": "x"}, {"a": None}, ["a: null, not text"]),
        ({"a": []}, {"a": {}}, ["a: an object, not a list"]),
        ([{"a": 1}], [], ["[]: no item to compare"]),
        ({"r": [{"a": 1, "b": 2}]}, {"r": [{"a": 1}]}, ["r[].b: missing"]),
        ([{"a": 1}, {"b": 1}], [{"b": 1}, {"a": "x"}], ["[].a: text, not a whole number"]),
        ({}, [], ["the answer: a list, not an object"]),
        (
            {"a": 1, "b": "x", "c": []},
            {"b": 1},
            ["a: missing", "b: a whole number, not text", "c: missing"],
        ),
    ],
)
def test_each_shortfall_is_named_with_its_place(theirs: Any, ours: Any, told: list[str]) -> None:
    assert shortfalls(theirs, ours) == told


def test_null_will_do_where_theirs_is_null_now_and_then() -> None:
    answers = [{"run": {"last": None}, "all": [{"x": 1}, {"x": None}]}, {"run": {"last": "today"}}]
    places = nullable(answers)

    assert places == {"run.last", "all[].x"}
    assert shortfalls({"run": {"last": "today"}}, {"run": {"last": None}}, places) == []
    assert shortfalls({"all": [{"x": 1}]}, {"all": [{"x": None}]}, places) == []
    assert shortfalls({"run": {}}, {"run": None}, places) == ["run: null, not an object"]


def test_an_answer_with_all_that_theirs_has_is_met() -> None:
    case = _case("run_command", "one command")
    result = {**case.answer["results"][0], "run_id": "7"}

    assert unmet(case, 200, {**case.answer, "results": [result]}) == []


def test_a_counter_that_lacks_is_named() -> None:
    case = _case("run_command", "one command")
    answer = json.loads(json.dumps(case.answer))
    del answer["results"][0]["stats"]["tagged_noHL"]

    assert unmet(case, 200, answer) == ["results[].stats.tagged_noHL: missing"]


def test_another_status_is_told_unless_it_is_a_deliberate_difference() -> None:
    unreachable = _case("run_command", "qBittorrent cannot be reached")
    capitals = _case("run_command", "a command in capitals")
    detail = {"detail": "why"}

    assert unmet(unreachable, 500, detail) == []
    assert unmet(unreachable, 502, detail) == ["status 502, not 500"]
    assert unmet(capitals, 400, detail) == []
    assert unmet(capitals, 500, detail) == ["status 500, not 400"]


def test_every_error_of_ours_has_one_shape() -> None:
    wrong_types = _case("run_command", "commands as text")
    no_credentials = _case("configs", "a wrong password", "GET")

    assert unmet(wrong_types, 400, wrong_types.answer) == ["detail: a list, not text"]
    assert unmet(no_credentials, 401, no_credentials.answer) == [
        "the answer: text, not an object",
    ]
    assert unmet(no_credentials, 401, {"detail": "why"}) == []


def test_where_theirs_refuses_and_ours_may_answer_there_is_nothing_to_compare() -> None:
    assert unmet(_case("run_command", "no content type"), 200, {"status": "success"}) == []


def test_an_answer_that_is_meant_to_be_another_is_not_compared() -> None:
    second = _case("run_command", "the second of two at once")

    assert unmet(second, 200, {"status": "queued"}) == []


@pytest.mark.parametrize("difference", differences(), ids=lambda one: one.why)
def test_each_difference_speaks_of_recorded_cases(difference: Difference) -> None:
    spoken_of = [one for route in routes() for one in cases(route) if difference.holds_for(one)]

    assert spoken_of
    assert {one.name for one in spoken_of} >= set(difference.cases)
    assert difference.why.endswith(".")


def test_no_difference_hides_behind_another() -> None:
    first = {
        rows[0]
        for route in routes()
        for one in cases(route)
        if (rows := [row for row in differences() if row.holds_for(one)])
    }

    assert first == set(differences())


@pytest.mark.parametrize("route", routes())
def test_every_recorded_answer_covers_itself(route: str) -> None:
    for case in cases(route):
        assert shortfalls(case.answer, case.answer) == []


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_recordings_hold_no_trace_of_where_and_when_they_were_made(file: Any) -> None:
    assert _TRACES.findall(file.read_text(encoding="utf-8")) == []


def test_cases_of_one_route_can_be_told_apart() -> None:
    for route in routes():
        names = Counter((one.method, one.name) for one in cases(route))
        assert [name for name, count in names.items() if count > 1] == []


def test_a_difference_without_names_is_for_every_case_of_that_status() -> None:
    general = Difference(theirs=422, ours=(400,), why="One shape.")
    case = _case("run_command", "commands as text")

    assert general.holds_for(case)
    assert not general.holds_for(dataclasses.replace(case, status=200))
    assert not dataclasses.replace(general, route="version").holds_for(case)
    assert not dataclasses.replace(general, cases=("another",)).holds_for(case)
