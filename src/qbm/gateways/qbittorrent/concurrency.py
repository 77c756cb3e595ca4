"""Many small requests, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")


async def each_of(items: Sequence[T], ask: Callable[[T], Awaitable[V]], *, at_once: int) -> list[V]:
    """The answer of ``ask`` for each item, ``at_once`` under way; the first error ends all."""
    answers: dict[int, V] = {}
    waiting = iter(enumerate(items))

    async def work() -> None:
        for number, item in waiting:  # one iterator for all workers: each takes what is next
            answers[number] = await ask(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
    except ExceptionGroup as errors:
        first = errors.exceptions[0]
        raise first from first.__cause__
    return [answers[number] for number in range(len(items))]
