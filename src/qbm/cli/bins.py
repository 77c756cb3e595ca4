"""What ``qbm bin list`` and ``qbm orphans list`` answer. They change nothing."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec import Struct

from qbm.cli.doors import clone_of, configs_of, is_in_container
from qbm.cli.parsing import read
from qbm.cli.preview import Page
from qbm.cli.terminal import Given
from qbm.cli.terminal_bins import Configs
from qbm.config import Config, InvalidConfigError, State, find, load
from qbm.engine.inventory import Orphaned, Recycled, Removed, orphaned, recycled
from qbm.engine.report import sized
from qbm.errors import QbmError
from qbm.log.logger import is_terminal
from qbm.log.records import each_text
from qbm.log.redaction import Redactor
from qbm.log.screen import columns, isolated
from qbm.log.wording import number_of, titled
from qbm.model.disk import BinnedFile
from qbm.store import MovedOrphan

_PIPED_SIZE: Final = (100, 24)
_GAP: Final = "  "
_MOST_LOOSE: Final = 50
"""Loose files that are listed; a bin may hold a hundred thousand, and ``--json`` has them all."""
_WHEN: Final = "Since (UTC)"


MovedOrphans: TypeAlias = Callable[[State], Sequence[MovedOrphan]]
"""The orphans that runs have moved, given where their state is; ``bootstrap`` has one."""


class Meant(Struct, frozen=True):
    """The configs that are meant, and where their state is."""

    configs: tuple[Config, ...]
    state: State
    redactor: Redactor


def list_bin(asked: Configs, given: Given, *, as_json: bool) -> int:
    """List the recycle bins; answers the exit code."""
    try:
        place = place_of(asked, given)
        found = recycled(place.configs, place.state.folder)
    except QbmError as error:
        return refuse(error, as_json=as_json)
    _tell_unread(found.unread, place.redactor)
    if as_json:
        return _print_json(_recycled(found), place.redactor)
    _print(_bin_page(found, _page(given, place.redactor)))
    return 0


def list_orphans(asked: Configs, given: Given, *, as_json: bool) -> int:
    """List the orphans that were put away; answers the exit code."""
    try:
        place = place_of(asked, given)
        found = orphaned(place.configs, given.moved_orphans(place.state))
    except QbmError as error:
        return refuse(error, as_json=as_json)
    _tell_unread(found.unread, place.redactor)
    if as_json:
        return _print_json(_orphaned(found), place.redactor)
    _print(_orphans_page(found, _page(given, place.redactor)))
    return 0


def place_of(asked: Configs, given: Given) -> Meant:
    """What a run would take.

    Raises:
        UsageError: a flag or a variable is wrong.
        ConfigError: there is no such file, or one is wrong.
    """
    flags = [
        *([f"--config-file={asked.config_file}"] if asked.config_file else []),
        *([f"--config-dir={asked.config_dir}"] if asked.config_dir else []),
    ]
    config_file, config_dir = configs_of(read(flags, given.environ))
    found = find(
        config_file,
        config_dir,
        in_container=is_in_container(given.environ),
        program_dir=clone_of(given.program_dir),
        file_flag="--config",
    )
    loaded = [load(path, given.environ) for path in found.paths]
    if problems := [problem for each in loaded for problem in each.problems]:
        raise InvalidConfigError(problems)
    configs = tuple(each.config for each in loaded if each.config is not None)
    redactor = Redactor()
    for config in configs:
        redactor.learn(config.secrets())
    return Meant(configs, found.state(given.environ), redactor)


def refuse(error: QbmError, *, as_json: bool) -> int:
    """Say why nothing was done; answers the exit code."""
    for line in str(error).splitlines():
        sys.stderr.write(f"error: {line}\n")
    if as_json:
        document = {"exit_code": error.exit_code, "error": str(error)}
        sys.stdout.write(f"{json.dumps(document)}\n")
    return error.exit_code


def _tell_unread(unread: Iterable[tuple[str, str]], redactor: Redactor) -> None:
    for path, why in unread:
        sys.stderr.write(f"warning: {redactor.clean(f'{path}: {why}')}\n")


def _page(given: Given, redactor: Redactor) -> Page:
    return Page(
        width=shutil.get_terminal_size(_PIPED_SIZE).columns,
        is_terminal=is_terminal(sys.stdout, given.environ),
        clean=redactor.clean,
    )


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


# As tables


def _bin_page(found: Recycled, page: Page) -> Iterator[str]:
    if found.torrents:
        yield page.bold(f"{number_of('torrents', len(found.torrents))} removed")
        head = (_WHEN, "Torrent", "Category", "Files", "Size", "Can be restored")
        yield from _table(head, map(_torrent_row, found.torrents), page)
        yield ""
    yield from _loose_page(found.loose, "Other files in the bin", page)
    files = sum(len(each.there) for each in found.torrents) + len(found.loose)
    size = sum(each.size for each in found.torrents) + _size_of(found.loose)
    yield f"{number_of('files', files)} in the recycle bin ({sized(size)})."


def _torrent_row(removed: Removed) -> tuple[str, ...]:
    record = removed.record
    return (
        _moment(record.removed_at),
        titled(record.name, record.hash),
        record.category or "–",
        f"{len(removed.there):,}",
        sized(removed.size),
        "yes" if record.can_restore else "no (no .torrent kept)",
    )


def _orphans_page(found: Orphaned, page: Page) -> Iterator[str]:
    if found.moved:
        yield page.bold(f"{number_of('files', len(found.moved))} put away")
        rows = (
            (_moment(each.moved_at), sized(each.stamp.size), each.source, each.target)
            for each in found.moved
        )
        yield from _table((_WHEN, "Size", "It was", "It is"), rows, page)
        yield ""
    yield from _loose_page(found.loose, "Other files there", page)
    files = len(found.moved) + len(found.loose)
    size = sum(each.stamp.size for each in found.moved) + _size_of(found.loose)
    yield f"{number_of('orphaned files', files)} put away ({sized(size)})."


def _loose_page(loose: Sequence[BinnedFile], title: str, page: Page) -> Iterator[str]:
    """Files that nothing is written down of, as far as anybody wants to read."""
    if not loose:
        return
    yield page.bold(f"{title}: {number_of('files', len(loose))} (nothing is written down of them)")
    rows = (
        (_moment(each.put_at), sized(each.stamp.size), each.path) for each in loose[:_MOST_LOOSE]
    )
    yield from _table((_WHEN, "Size", "File"), rows, page)
    if len(loose) > _MOST_LOOSE:
        yield page.dim(f"… and {len(loose) - _MOST_LOOSE:,} more (--json lists all)")
    yield ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], page: Page) -> Iterator[str]:
    """Columns as wide as what is in them; nothing is cut, for paths are there to be copied."""
    shown = [[page.shown(cell) for cell in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(head, *shown, strict=True)]
    yield page.dim(_line(head, widths))
    for row in shown:
        cells = [isolated(each) for each in row] if page.is_terminal else row
        yield _line(cells, widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _size_of(files: Iterable[BinnedFile]) -> int:
    return sum(each.stamp.size for each in files)


# As JSON


def _print_json(answer: Mapping[str, Any], redactor: Redactor) -> int:
    document = {"exit_code": 0, "error": None, **answer}
    sys.stdout.write(f"{json.dumps(each_text(document, redactor.clean))}\n")
    return 0


def _recycled(found: Recycled) -> dict[str, Any]:
    return {
        "torrents": [_torrent(each) for each in found.torrents],
        "loose": [_file(each) for each in found.loose],
        "unread": [{"path": path, "reason": why} for path, why in found.unread],
    }


def _torrent(removed: Removed) -> dict[str, Any]:
    """A removed torrent without its trackers, which hold passkeys."""
    record = removed.record
    return {
        "hash": record.hash,
        "name": record.name,
        "category": record.category,
        "tags": list(record.tags),
        "removed_at": record.removed_at.isoformat(),
        "removed_by": record.run_id,
        "reason": record.reason,
        "save_path": record.save_path,
        "can_restore": record.can_restore,
        "size": removed.size,
        "files": [
            {"path": each.target, "source": each.local, "size": each.size} for each in removed.there
        ],
    }


def _orphaned(found: Orphaned) -> dict[str, Any]:
    return {
        "orphans": [_orphan(each) for each in found.moved],
        "loose": [_file(each) for each in found.loose],
        "unread": [{"path": path, "reason": why} for path, why in found.unread],
    }


def _orphan(moved: MovedOrphan) -> dict[str, Any]:
    return {
        "path": moved.target,
        "source": moved.source,
        "size": moved.stamp.size,
        "moved_at": moved.moved_at.isoformat(),
        "moved_by": moved.run_id,
    }


def _file(file: BinnedFile) -> dict[str, Any]:
    return {"path": file.path, "size": file.stamp.size, "since": file.put_at.isoformat()}
