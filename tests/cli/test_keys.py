"""`keys`: the table of keys as they are for the person, and what is wrong with a key map."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dive_tui.app.actions import ACTIONS
from tests.cli.shop import Caller, Shop


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder for the configuration of nobody."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("dive_tui.cli.keys.key_file", lambda: tmp_path / "config" / "dive-tui" / "keys.toml")
    (tmp_path / "config" / "dive-tui").mkdir(parents=True)
    return tmp_path / "config" / "dive-tui" / "keys.toml"


def test_without_a_key_map_the_usual_keys_are_listed(shop: Shop, call: Caller, config: Path) -> None:
    ended = call("keys")
    assert (ended.code, ended.err) == (0, "")
    assert all(action.id in ended.out for action in ACTIONS)
    assert "You have no key map." in ended.out
    assert str(config) in ended.out.replace("\n", "")
    assert not shop.store.exists()


def test_the_keys_of_the_person_are_listed(shop: Shop, call: Caller, config: Path) -> None:
    config.write_text('executions.open = ["l", "f5"]\n')
    ended = call("keys")
    assert (ended.code, ended.err) == (0, "")
    line = next(line for line in ended.out.splitlines() if "executions.open " in line)
    assert line.split()[:3] == ["l", "f5", "executions.open"]
    assert "changes the keys of 1 action." in ended.out


def test_what_is_wrong_is_told_with_its_line(shop: Shop, call: Caller, config: Path) -> None:
    config.write_text('\nexecutions.opne = "l"\nexecutions.sort = "nokey"\n')
    ended = call("keys")
    assert ended.code == 2
    first, second = ended.err.splitlines()
    assert first == f"{config} line 2: there is no action 'executions.opne'; did you mean 'executions.open'?"
    assert second.startswith(f"{config} line 3: there is no key 'nokey'")
    assert "is not used, because something is wrong in it." in ended.out


def test_another_file_can_be_checked(shop: Shop, call: Caller, config: Path) -> None:
    shop.write("mine.toml", 'executions.open = "x"\n')
    ended = call("keys", "mine.toml")
    assert ended.code == 2
    assert ended.err.startswith("mine.toml line 1: 'x' would mean two things in one place (executions)")
    ended = call("keys", "none.toml")
    assert (ended.code, ended.out, ended.err) == (2, "", "there is no file 'none.toml'\n")


def test_json(shop: Shop, call: Caller, config: Path) -> None:
    config.write_text('executions.open = "l"\n')
    ended = call("keys", "--json")
    record = ended.json
    assert ended.code == 0
    assert (record["file"], record["exists"], record["problems"]) == (str(config), True, [])
    assert record["keys"]["executions.open"] == {"keys": ["l"], "changed": True}
    assert record["keys"]["executions.sort"] == {"keys": ["S"], "changed": False}
    assert record["keys"].keys() == {action.id for action in ACTIONS}


def test_a_key_map_to_begin_with(shop: Shop, call: Caller, config: Path) -> None:
    ended = call("keys", "--toml")
    assert (ended.code, ended.err) == (0, "")
    assert tomllib.loads(ended.out) == {}
    config.write_text(ended.out.replace('# executions.open = "enter"', 'executions.open = "l"'))
    assert call("keys").code == 0
