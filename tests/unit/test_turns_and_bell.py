"""What keeps threads apart, wakes them, and stops them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from qbm.engine.stop import Stop
from qbm.errors import Interrupted, Suspended
from qbm.service.bell import Bell
from qbm.service.turns import Turns

_SECONDS = 20.0


def _in_thread(act: Callable[[], object]) -> None:
    thread = threading.Thread(target=act)
    thread.start()
    thread.join(_SECONDS)
    assert not thread.is_alive()


def test_one_at_a_time_has_a_server_and_servers_do_not_mind_each_other() -> None:
    turns = Turns()
    assert turns.are_all_free()
    assert turns.take("a")
    assert not turns.take("a")
    assert turns.take("b")
    assert (turns.is_free("a"), turns.is_free("c")) == (False, True)
    turns.leave("a")
    assert turns.is_free("a")
    assert not turns.are_all_free()
    turns.leave("b")
    assert turns.are_all_free()


def test_a_turn_stays_while_there_is_more_to_do() -> None:
    turns = Turns()
    turns.take("a")
    assert not turns.leave_unless("a", lambda: True)
    assert not turns.is_free("a")
    assert turns.leave_unless("a", lambda: False)
    assert turns.is_free("a")


def test_what_is_written_down_before_a_turn_is_tried_is_never_left_behind() -> None:
    turns, written, done = Turns(), list[int](), list[int]()
    lock = threading.Lock()

    def attend(number: int) -> None:
        with lock:
            written.append(number)
        if not turns.take("a"):
            return  # whoever has it sees it
        while True:
            with lock:
                done.extend(written)
                written.clear()
            if turns.leave_unless("a", lambda: bool(written)):
                return

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(attend, range(2000)))
    assert sorted(done) == list(range(2000))


def test_who_waits_for_a_turn_is_woken_when_one_is_given_up_or_by_announcement() -> None:
    turns = Turns()
    turns.take("a")
    wakes: list[Callable[[], None]] = [lambda: turns.leave("a"), turns.announce]
    for wake in wakes:
        waiting = threading.Thread(target=turns.wait, args=[_SECONDS * 10])
        waiting.start()
        while waiting.is_alive():
            wake()  # the first may come before it waits
            waiting.join(0.01)


async def test_a_ring_from_another_thread_wakes_all_who_listen() -> None:
    bell = Bell()
    heard = [bell.listen() for _ in range(3)]
    assert not any(each.is_set() for each in heard)
    await asyncio.to_thread(bell.ring)
    for each in heard:
        await asyncio.wait_for(each.wait(), _SECONDS)


async def test_who_listens_before_looking_misses_no_ring() -> None:
    bell, number = Bell(), 0

    def count() -> None:
        nonlocal number
        for _ in range(500):
            number += 1
            bell.ring()

    counting = asyncio.create_task(asyncio.to_thread(count))
    while True:
        heard = bell.listen()
        if number == 500:
            break
        await asyncio.wait_for(heard.wait(), _SECONDS)
    await counting


async def test_one_ring_is_heard_once() -> None:
    bell = Bell()
    bell.listen()
    bell.ring()
    assert not bell.listen().is_set()


def test_a_listener_whose_loop_has_ended_does_not_keep_the_others_from_hearing() -> None:
    bell = Bell()

    async def listen() -> asyncio.Event:
        return bell.listen()

    asyncio.run(listen())

    async def whole() -> None:
        heard = bell.listen()
        bell.ring()
        await asyncio.wait_for(heard.wait(), _SECONDS)

    asyncio.run(whole())


async def _forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("wishes", "ending"),
    [
        (["request"], Interrupted),
        (["suspend"], Suspended),
        (["request", "suspend"], Interrupted),
        (["suspend", "request"], Interrupted),
        (["suspend", "suspend"], Suspended),
    ],
)
async def test_a_wish_of_another_thread_ends_what_only_reads_and_for_good_wins(
    wishes: list[str], ending: type[Interrupted]
) -> None:
    stop = Stop()
    reading = asyncio.create_task(stop.unless(_forever()))
    await asyncio.sleep(0)
    assert not stop.is_requested
    for wish in wishes:
        _in_thread(getattr(stop, wish))
    assert stop.is_requested
    with pytest.raises(Interrupted) as raised:
        await asyncio.wait_for(reading, _SECONDS)
    assert type(raised.value) is ending
    with pytest.raises(ending):
        await stop.unless(_forever())


async def test_what_was_read_before_the_stop_is_answered() -> None:
    async def read() -> int:
        return 7

    assert await Stop().unless(read()) == 7


async def test_an_error_while_reading_is_raised_as_it_is() -> None:
    async def read() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await Stop().unless(read())


def test_a_wish_for_a_run_that_has_ended_disturbs_nobody() -> None:
    async def made() -> Stop:
        return Stop()

    stop = asyncio.run(made())
    stop.request()
    stop.suspend()
    assert stop.is_requested
