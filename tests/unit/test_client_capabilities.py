from __future__ import annotations

import pytest

from qbm.gateways.qbittorrent.capabilities import (
    Version,
    capabilities_of,
    parse_version,
    version_warning,
)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v4.2.5", (4, 2, 5)),
        ("5.3.0", (5, 3, 0)),
        ("v5.2.0beta1", (5, 2, 0)),
        ("v5.0.0rc1\n", (5, 0, 0)),
        ("2.8.19", (2, 8, 19)),
        ("v4.3.0.1", (4, 3, 0, 1)),
        ("", None),
        ("<!DOCTYPE html>", None),
        ("2", None),
        ("2.11 or so", None),
    ],
)
def test_a_version_is_read_as_its_numbers(text: str, version: Version | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("api_version", "bulk", "maindata"),
    [
        ((2, 5, 1), False, False),
        ((2, 8, 19), False, True),
        ((2, 11, 3), False, True),
        ((2, 11, 4), True, True),
        ((2, 16, 2), True, True),
        ((3, 0), True, True),
    ],
)
def test_the_web_api_version_decides_how_trackers_are_read(
    api_version: Version, *, bulk: bool, maindata: bool
) -> None:
    can = capabilities_of(api_version)
    assert (can.include_trackers, can.maindata_trackers) == (bulk, maindata)


@pytest.mark.parametrize(
    ("api_version", "files", "start"),
    [
        ((2, 5, 1), False, False),
        ((2, 10, 4), False, False),
        ((2, 11), False, True),
        ((2, 11, 7), False, True),
        ((2, 11, 8), True, True),
        ((3, 0), True, True),
    ],
)
def test_the_web_api_version_decides_how_files_are_read_and_torrents_started(
    api_version: Version, *, files: bool, start: bool
) -> None:
    can = capabilities_of(api_version)
    assert (can.include_files, can.says_start) == (files, start)


@pytest.mark.parametrize("version", ["v4.2.0", "v4.2.5", "v4.6.7", "v5.1.0", "v5.3.0", "v5.3.12"])
def test_a_tested_version_and_its_patches_bring_no_warning(version: str) -> None:
    assert version_warning(version) is None


@pytest.mark.parametrize(
    ("version", "word"),
    [("v4.1.9", "older"), ("v5.4.0", "newer"), ("v6.0.0beta1", "newer"), ("nightly", "not known")],
)
def test_an_untested_version_brings_a_warning_that_names_it(version: str, word: str) -> None:
    warning = version_warning(version)
    assert warning is not None
    assert version in warning
    assert word in warning
