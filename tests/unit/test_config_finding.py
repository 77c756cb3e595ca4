"""Which files a run means: names, patterns, folders, and the usual places."""

from __future__ import annotations

from pathlib import Path

import pytest

from qbm.config import Found, State, find
from qbm.errors import ConfigError


class Places:
    """The usual places, each in a folder of the test."""

    def __init__(self, root: Path) -> None:
        self.container = root / "container"
        self.program = root / "program"
        self.user = root / "xdg" / "qbit-manage"

    def find(
        self, config_file: str = "config.yml", config_dir: Path | None = None, **kind: bool
    ) -> Found:
        return find(
            config_file,
            config_dir,
            in_container=kind.get("in_container", False),
            program_dir=self.program,
            file_flag="--config-file",
            container_folder=self.container,
        )

    def refused(self, config_file: str = "config.yml", config_dir: Path | None = None) -> str:
        with pytest.raises(ConfigError) as caught:
            self.find(config_file, config_dir)
        return str(caught.value)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    return Places(tmp_path)


def _write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_a_bare_name_is_looked_for_in_the_usual_places_in_their_order(places: Places) -> None:
    user = places.user / "config.yml"
    program = places.program / "config" / "config.yml"
    container = places.container / "config.yml"
    for path in (user, program, container):
        _write(path)
        assert places.find() == Found((path,), path.parent)


def test_a_bare_pattern_means_all_that_fit_in_the_first_place_that_has_any(
    places: Places,
) -> None:
    folder = places.program / "config"
    _write(
        folder / "b.yml",
        folder / "a.yml",
        folder / "c.yaml",
        folder / "secrets.yml",
        folder / "a.yml.bak",
        places.user / "d.yml",
    )
    (folder / "folder.yml").mkdir()
    assert [path.name for path in places.find("*.yml").paths] == ["a.yml", "b.yml"]
    assert [path.name for path in places.find("*").paths] == ["a.yml", "b.yml", "c.yaml"]
    assert places.find("d*") == Found((places.user / "d.yml",), places.user)


def test_only_the_star_is_special_in_a_pattern(places: Places) -> None:
    _write(places.user / "a[1].yml", places.user / "a1.yml", places.user / "a?.yml")
    assert [path.name for path in places.find("a[1]*").paths] == ["a[1].yml"]
    assert [path.name for path in places.find("a?.yml").paths] == ["a?.yml"]


def test_a_path_names_the_folder_and_no_other_place_is_looked_at(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(places.container / "config.yml", tmp_path / "here" / "config.yml")
    monkeypatch.chdir(tmp_path)
    here = Found((tmp_path / "here" / "config.yml",), tmp_path / "here")
    assert places.find("here/config.yml") == here
    assert places.find(str(tmp_path / "here" / "con*.yml")) == here
    monkeypatch.chdir(tmp_path / "here")
    assert places.find("./config.yml") == here
    assert "container" not in places.refused("./other.yml")


def test_a_file_of_that_name_in_the_current_folder_is_named_if_another_is_taken(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, here = places.user / "config.yml", tmp_path / "here" / "config.yml"
    _write(taken, here)
    monkeypatch.chdir(here.parent)
    assert places.find() == Found((taken,), places.user, overlooked=(here,))
    assert places.find("*.yml").overlooked == (here,)
    assert places.find("./config.yml").overlooked == ()
    assert places.find(config_dir=places.user).overlooked == ()


def test_a_file_that_is_taken_is_not_overlooked_wherever_one_stands(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(places.user / "config.yml")
    monkeypatch.chdir(places.user)
    assert places.find().overlooked == ()
    (tmp_path / "config.yml").symlink_to(places.user / "config.yml")
    monkeypatch.chdir(tmp_path)
    assert places.find().overlooked == ()


def test_a_name_that_is_only_in_the_current_folder_says_how_to_mean_it(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "mine.yml")
    monkeypatch.chdir(tmp_path)
    assert "-c ./mine.yml means it" in places.refused("mine.yml")
    assert "Write one in" in places.refused("other.yml")


def test_a_program_without_a_folder_of_its_own_has_no_config_beside_it(
    places: Places, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        find(
            "config.yml",
            None,
            in_container=False,
            program_dir=None,
            file_flag="--config",
            container_folder=places.container,
        )
    folders = f"in {places.container}, {places.user}. Write one in"
    assert folders in str(refused.value)
    assert "with --config (QBT_CONFIG)" in str(refused.value)


def test_the_home_folder_may_be_a_tilde(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _write(tmp_path / "qbm" / "config.yml")
    assert places.find("~/qbm/config.yml").folder == tmp_path / "qbm"
    assert places.find(config_dir=Path("~/qbm")).folder == tmp_path / "qbm"
    assert "~nobody-of-this-name" in places.refused("~nobody-of-this-name/config.yml")


def test_a_config_folder_means_every_config_in_it_whatever_the_file_flag_says(
    places: Places, tmp_path: Path
) -> None:
    folder = tmp_path / "servers"
    for name in ("qbm_settings", "schedule", "secrets", "credentials", "auth", "keys"):
        _write(folder / f"{name}.yml")
    _write(folder / "passwords.yml")
    _write(folder / "home.yml", folder / "box.YAML", folder / ".hidden.yml", folder / "notes.txt")
    found = places.find("config.yml", folder)
    assert found == Found((folder / "box.YAML", folder / "home.yml"), folder)


def test_a_reserved_name_is_a_config_when_it_is_named(places: Places) -> None:
    _write(places.user / "secrets.yml")
    assert places.find("secrets.yml").paths == (places.user / "secrets.yml",)


def test_a_name_that_is_nowhere_says_where_it_was_looked_for_and_what_to_do(
    places: Places,
) -> None:
    _write(places.user / "config.yaml")
    text = places.refused("config.yml")
    for part in (
        "no config file config.yml",
        str(places.container),
        str(places.program / "config"),
        str(places.user),
        f"there is {places.user / 'config.yaml'}",
        f"Write one in {places.user}",
        "`qbm config sample`",
        "sample.yml",
        "docs/reference/config.md",
        "--config-file (QBT_CONFIG)",
    ):
        assert part in text


def test_the_example_that_the_message_names_is_there(places: Places) -> None:
    words = places.refused().split()
    (sample,) = [word.strip("(;,.") for word in words if "sample.yml" in word]
    assert Path(sample).is_file()


def test_in_a_container_the_message_says_to_write_into_its_folder(places: Places) -> None:
    with pytest.raises(ConfigError, match=f"Write one in {places.container}"):
        places.find(in_container=True)


def test_a_folder_without_configs_is_named(places: Places, tmp_path: Path) -> None:
    _write(tmp_path / "servers" / "secrets.yml")
    assert str(tmp_path / "servers") in places.refused(config_dir=tmp_path / "servers")
    assert str(tmp_path / "absent") in places.refused(config_dir=tmp_path / "absent")


def test_a_file_is_no_config_folder(places: Places, tmp_path: Path) -> None:
    _write(tmp_path / "config.yml")
    assert "is a file" in places.refused(config_dir=tmp_path / "config.yml")


@pytest.mark.parametrize(
    ("config_file", "part"),
    [
        ("", "No config file is named"),
        ("servers/*/config.yml", "not in its folder's"),
        ("a\0b.yml", "no config file a\\x00b.yml"),
    ],
)
def test_what_cannot_be_a_file_is_refused(places: Places, config_file: str, part: str) -> None:
    assert part in places.refused(config_file)


def test_state_lies_beside_the_configs_unless_a_variable_says_otherwise(tmp_path: Path) -> None:
    found = Found((), tmp_path)
    assert found.state({}) == State(tmp_path, tmp_path / "qbm.db")
    assert found.state({"QBM_STATE_DIR": " "}).folder == tmp_path
    assert found.state({"QBM_STATE_DIR": "/var/lib/qbm"}).folder == Path("/var/lib/qbm")
    elsewhere = {"QBM_DATABASE_URL": "sqlite:////srv/other.db"}
    assert found.state(elsewhere) == State(tmp_path, Path("/srv/other.db"))
    for other in ("postgresql://me:word@host/qbm", "sqlite://", "/srv/other.db"):
        with pytest.raises(ConfigError, match="SQLite only") as refused:
            found.state({"QBM_DATABASE_URL": other})
        assert "word" not in str(refused.value)


def _find(folder: Path) -> Found:
    return find("", folder, in_container=False, program_dir=None, file_flag="--config")


def test_a_missing_folder_is_made_for_its_owner_only_and_no_config_made_up(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with pytest.raises(ConfigError, match=r"no config file.*Write one in"):
        _find(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        _find(tmp_path / "file" / "folder")


def test_a_file_that_is_told_instead_has_no_control_characters(tmp_path: Path) -> None:
    (tmp_path / "\x1b[31mred.yml").write_text("", encoding="utf-8")
    told = Places(tmp_path).refused(f"{tmp_path}/dangling.yml")
    assert "But there is" in told
    assert told.isprintable()
