"""The key map of a person: what is wrong in one is told with its line, what is right changes keys everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from dive_tui.app.actions import ACTIONS, BY_ID
from dive_tui.app.user_keys import KeyFile, UserKeys, checked, example, key_named, read_keys
from dive_tui.widgets.dialogs.help import HelpLines
from dive_tui.widgets.dialogs.prompt import CommandLines
from dive_tui.widgets.executions_list import ExecutionsList
from dive_tui.widgets.parts import PartsLine
from tests.screens.store_app import SAY, app_on, filled, last_toast, listed, text_of, until, words


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "keys.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def wrong(folder: Path, text: str | bytes) -> list[str]:
    """What is wrong with a key map, without the name of the file."""
    file = written(folder, text)
    found = read_keys(file)
    assert found.keys == UserKeys(), "a map with anything wrong in it changes nothing"
    assert all(problem.startswith(str(file)) for problem in found.problems)
    return [problem.removeprefix(str(file)) for problem in found.problems]


def test_a_key_map_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    file = written(tmp_path, '[executions]\nopen = "l"\n"sort" = ["f5", "Ctrl+R"]\n[global]\nquit = "f10"\n')
    keys, problems = read_keys(file)
    assert problems == ()
    assert dict(keys.keys) == {
        "executions.open": ("l",),
        "executions.sort": ("f5", "ctrl+r"),
        "global.quit": ("f10",),
    }
    assert keys.applied(BY_ID["executions.open"]).keys == ("l",)
    assert keys.applied(BY_ID["executions.mark"]) is BY_ID["executions.mark"]
    assert keys.applied(BY_ID["global.quit"]).keys == ("f10", "ctrl+q"), "what acts always stays"
    assert keys.for_textual() == {"executions.open": "l", "executions.sort": "f5,ctrl+r", "global.quit": "f10"}


def test_no_file_is_no_key_map_and_nothing_wrong(tmp_path: Path) -> None:
    assert read_keys(tmp_path / "none.toml") == KeyFile(UserKeys())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('executions.opne = "l"', " line 1: there is no action 'executions.opne'; did you mean 'executions.open'?"),
        (
            '\n[executions]\nopne = "l"',
            " line 3: there is no action 'executions.opne'; did you mean 'executions.open'?",
        ),
        ('qqq = "l"', " line 1: there is no action 'qqq'"),
        ('executions.open = "pgedown"', " line 1: there is no key 'pgedown'; did you mean 'pagedown'?"),
        ('executions.open = "xy"', " line 1: there is no key 'xy'"),
        (
            'executions.open = "super+x"',
            " line 1: there is no key 'super+x': before the + there can be ctrl, alt, shift",
        ),
        ('executions.open = "ctrl+i"', " line 1: a terminal cannot tell 'ctrl+i' from 'tab'"),
        ('executions.open = "shift+x"', " line 1: 'shift+x' is written as the character it makes, such as 'X'"),
        ("executions.open = 3", " line 1: executions.open needs a key, or a list of keys, as text"),
        ("executions.open = []", " line 1: executions.open needs a key, or a list of keys, as text"),
        ('executions.open = ["x", 1]', " line 1: executions.open needs a key, or a list of keys, as text"),
        (
            'global.pane = "x"',
            " line 1: the keys of global.pane cannot be changed: each of them does something else",
        ),
        ('global.interrupt = "x"', " line 1: the key of global.interrupt cannot be changed"),
        ('field.submit = "x"', " line 1: 'x' is for typing: in a text field it cannot mean field.submit"),
        ('field.leave = "space"', " line 1: 'space' is for typing: in a text field it cannot mean field.leave"),
        ('form.next_field = "left"', " line 1: 'left' is for typing: in a text field it cannot mean form.next_field"),
        (
            '# x\nexecutions.open = "x"',
            " line 2: 'x' would mean two things in one place (executions): executions.open and "
            "steering.cancel_execution",
        ),
        (
            'global.go_back = "ctrl+c"',
            " line 1: 'ctrl+c' would mean two things in one place (executions): global.go_back and global.interrupt",
        ),
        (
            'menu.choose = "ctrl+q"',
            " line 1: 'ctrl+q' would mean two things in one place (executions): menu.choose and global.quit",
        ),
        ("executions.open = ", ": this is no TOML: Invalid value (at end of document)"),
        (b'executions.open = "\xff"', ": this is no UTF-8 text"),
        ("#" * 70_000, ": a key map is never longer than 64 KiB"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence_with_its_line(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    [said] = wrong(tmp_path, text)
    if "ctrl+q" in sentence:  # which place is named first does not matter
        assert "'ctrl+q' would mean two things" in said
    else:
        assert said == sentence


def test_everything_wrong_is_told_at_once_and_nothing_of_it_used(tmp_path: Path) -> None:
    said = wrong(tmp_path, 'executions.opne = "l"\nexecutions.sort = "f5"\nexecutions.open = "ctrl+m"\n')
    assert len(said) == 2


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").mkdir()
    assert read_keys(tmp_path / "keys.toml").problems == (f"{tmp_path / 'keys.toml'}: Is a directory",)


def test_two_actions_may_change_places() -> None:
    table = {"cursor": {"previous_event": "n", "next_event": "p"}, "search": {"next_hit": "."}, "steering.pause": ","}
    keys, problems = checked(table)
    assert problems == []
    assert len(keys.keys) == 4


def test_taking_a_key_that_another_action_gave_up_is_no_clash() -> None:
    assert checked({"steering.pause": "f6", "executions.open": "p"})[1] == []
    assert [name for name, _ in checked({"executions.open": "p"})[1]] == ["executions.open"]


@pytest.mark.parametrize(
    ("written_as", "key"),
    [
        ("Esc", "escape"),
        ("PgDn", "pagedown"),
        ("Return", "enter"),
        (" ", "space"),
        ("+", "+"),
        ("ctrl++", "ctrl++"),
        ("shift+Tab", "shift+tab"),
        ("shift+ctrl+Left", "ctrl+shift+left"),
        ("alt+x", "alt+x"),
        ("ctrl+X", "ctrl+x"),
        ("é", "é"),
        ("comma", ","),
        ("F12", "f12"),
    ],
)
def test_keys_as_people_write_them(written_as: str, key: str) -> None:
    assert key_named(written_as) == key


def test_the_example_is_the_usual_keys() -> None:
    text = example()
    assert tomllib.loads(text) == {}
    found = tomllib.loads(re.sub(r"(?m)^# (?=[a-z]+\.\w+ = )", "", text))
    keys = {
        f"{scope}.{verb}": tuple([value] if isinstance(value, str) else value)
        for scope, table in found.items()
        for verb, value in table.items()
    }
    for action in ACTIONS:
        if action.id in keys:
            assert keys[action.id] == tuple(key for key in action.keys if key not in action.always)
    assert {"global.quit", "executions.mark", "cursor.previous_event"} <= keys.keys()


async def test_in_the_app_keys_footer_help_and_palette_are_the_persons(tmp_path: Path) -> None:
    await filled(tmp_path / "store", SAY)
    file = written(
        tmp_path, 'executions.mark = "f6"\nglobal.help = ["ctrl+t"]\nlist.bottom = "f7"\nglobal.quit = "f8"\n'
    )
    async with app_on(tmp_path / "store", keys=read_keys(file)) as (app, pilot):
        await until(pilot, lambda: listed(app))
        marks = app.screen.query_one(ExecutionsList).marked
        footer = app.screen.query_one("FooterLine", PartsLine)
        assert "f6 mark" in words(footer)
        assert "ctrl+t keys" in words(footer)
        await pilot.press("space")
        assert not marks
        await pilot.press("f6")
        assert marks
        await pilot.press(":")
        await until(pilot, lambda: app.screen.query(CommandLines))
        commands = {command.name: command.keys for command in app.screen.query_one(CommandLines).commands}
        assert commands["Mark"] == "f6"
        await pilot.press("escape", "question_mark")
        assert not app.screen.query(HelpLines), "? means nothing any more"
        await pilot.press("ctrl+t")
        await until(pilot, lambda: app.screen.query(HelpLines))
        assert "f6" in text_of(app)
        await pilot.press("escape")
        await pilot.press("slash", "f8")
        assert app.is_running, "typing is not leaving"
        await pilot.press("escape", "f8")
        await until(pilot, lambda: app.return_code is not None or not app.is_running)


async def test_what_acts_always_still_does_with_a_key_map(tmp_path: Path) -> None:
    await filled(tmp_path / "store", SAY)
    async with app_on(tmp_path / "store", keys=KeyFile(UserKeys({"global.quit": ("f8",)}))) as (app, pilot):
        await until(pilot, lambda: listed(app))
        await pilot.press("slash", "Q")
        assert app.is_running
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not app.is_running)


async def test_a_bad_key_map_is_told_and_the_usual_keys_act(tmp_path: Path) -> None:
    await filled(tmp_path / "store", SAY)
    file = written(tmp_path, 'executions.mrak = "f6"\nexecutions.mark = "pgedown"\n')
    async with app_on(tmp_path / "store", keys=read_keys(file)) as (app, pilot):
        await until(pilot, lambda: listed(app))
        said = last_toast(app)
        assert "line 1: there is no action 'executions.mrak'; did you mean 'executions.mark'?" in said
        assert "The keys are the usual ones. And 1 more: dive-tui keys lists them." in said
        await pilot.press("space")
        assert app.screen.query_one(ExecutionsList).marked


def test_the_example_of_the_documentation_is_right() -> None:
    page = (Path(__file__).parents[2] / "docs" / "app.md").read_text()
    [block] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    keys, problems = checked(tomllib.loads(block))
    assert problems == []
    assert {"executions.open", "global.quit", "cursor.next_event"} == keys.keys.keys()
