"""The shell: dispatch of actions, escape, help, prompt, filter, footer, panes, toasts, themes."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Key
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from dive_tui.app import text
from dive_tui.app.actions import BY_VERB, Scope
from dive_tui.app.keymap import active, bindings, textual_key
from dive_tui.app.shell import Shell
from dive_tui.widgets.dialogs.help import HelpLines, HelpScreen
from dive_tui.widgets.dialogs.prompt import Command, CommandLines, Prompt, matching, target_of
from dive_tui.widgets.filter_bar import FilterBar
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.screens import AppScreen
from dive_tui.widgets.text_field import TextField


class Rows(LineView):
    """Fifty rows."""

    @property
    def row_count(self) -> int:
        return 50

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        return Strip([Segment(f"row {index}")])


class Timeline(Rows):
    """Rows with keys of their own."""

    BINDINGS = bindings(Scope.TIMELINE)
    panned = 0

    def action_pan_right(self) -> None:
        """Nothing to see."""

    def action_pan_left(self) -> None:
        self.panned -= 1


class Main(AppScreen[None]):
    """Two panes, a filter, a footer."""

    BINDINGS = bindings(Scope.CURSOR, Scope.EXECUTION, Scope.FILTER)
    DEFAULT_CSS = "Main Pane { height: 1fr; width: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.did: list[str] = []
        self.filters: list[str] = []
        self.clicked: list[int] = []

    def compose(self) -> ComposeResult:
        yield FilterBar(lambda typed: "age needs a number" if typed.endswith("<") else None)
        with Horizontal():
            yield Pane(Rows(id="events"), title="Events [/] \x1b", fact="1 of 50", id="left")
            yield Pane(Timeline(id="timeline"), title="Timeline", id="right")
        yield FooterLine()

    def on_mount(self) -> None:
        self.query_one("#events").focus()

    def go_to(self, target: str) -> str | None:
        self.did.append(f"go to {target}")
        return "there is no event 999 [/]" if target == "999" else None

    def action_next_event(self) -> None:
        self.did.append("next event")

    def _anything_else(self) -> None:
        """The footer offers only what something here carries out."""

    action_previous_event = action_next_step = action_copy_item = _anything_else
    action_detail = action_next_tab = action_time_format = action_follow = _anything_else

    def action_failure(self) -> None:
        self.did.append("failure")

    def why_not_failure(self) -> str | None:
        return "Nothing failed [/here] \x1b." if "failed" not in self.did else None

    def action_filter(self) -> None:
        self.query_one(FilterBar).open()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        self.filters.append(event.text)

    def on_filter_bar_closed(self, event: FilterBar.Closed) -> None:
        self.filters.append(f"closed {event.text}")

    def on_pane_tab_clicked(self, event: Pane.TabClicked) -> None:
        self.clicked.append(event.index)


class Demo(Shell):
    """The shell with that screen."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__(ascii_only=ascii_only)
        self.main = Main()
        self.said: list[str] = []

    def get_default_screen(self) -> Main:
        return self.main

    def notify(self, message: str, *, markup: bool = True, **rest: object) -> None:  # type: ignore[override]
        assert not markup
        self.said.append(message)


async def ask(pilot: Pilot[int], typed: str) -> None:
    """Type into the prompt and accept."""
    await pilot.press(":")
    pilot.app.screen.query_one(TextField).value = typed
    await pilot.press("enter")
    await settle(pilot)


async def settle(pilot: Pilot[int]) -> None:
    await pilot.pause()
    await pilot.pause()


def footer(app: Demo) -> str:
    return app.main.query_one(FooterLine).render_line(0).text.strip()


async def test_an_action_runs_on_the_nearest_node_that_has_it() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        await pilot.press(".", "j")
        assert app.main.did == ["next event"]
        assert app.main.query_one("#events", Rows).cursor == 1
        await pilot.press("tab", "j", "left", "h")
        assert app.main.query_one(Timeline).cursor == 1
        assert app.main.query_one(Timeline).panned == -2
        assert app.main.query_one("#events", Rows).cursor == 1


async def test_an_action_that_does_not_apply_says_why() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        await pilot.press("F")
        assert app.main.did == []
        assert app.said == ["Nothing failed [/here] ␛."]
        app.main.did.append("failed")
        await pilot.press("F")
        assert app.main.did == ["failed", "failure"]
        await pilot.press("<")
        assert app.said[1:] == ["Previous step does not apply here."]
        assert app.why_not(BY_VERB["next_event"]) is None


async def test_back_and_escape() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        await pilot.press("escape")
        assert app.return_code is None
        await app.push_screen(Main())
        await pilot.press("escape")
        assert app.screen is app.main
        await app.push_screen(Main())
        await pilot.press("backspace")
        assert app.screen is app.main
        await pilot.press("q")
    assert app.return_code == 0
    assert not app.is_running


@pytest.mark.parametrize("keys", [["Q"], ["/", "ctrl+q"], ["?", "ctrl+q"], [":", "ctrl+q"]])
async def test_leaving_from_anywhere(keys: list[str]) -> None:
    app = Demo()
    async with app.run_test() as pilot:
        await pilot.press(*keys)
    assert app.return_code == 0


async def test_ctrl_c_copies_a_selection_or_says_how_to_leave() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        await pilot.press("ctrl+c")
        assert "q goes back" in app.said[-1]
        await pilot.press("/", "a", "b", "shift+home", "ctrl+c")
        assert app.clipboard == "ab"
        assert "Copied" in app.said[-1]


async def test_panes_by_key_and_number() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        names = []
        for key in ("tab", "shift+tab", "2", "1", "5"):
            await pilot.press(key)
            assert app.focused is not None
            names.append(app.focused.id)
        assert names == ["timeline", "events", "timeline", "events", "events"]


async def test_maximising_and_back() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        await pilot.press("z")
        assert app.screen.maximized is app.main.query_one("#left")
        await pilot.press("z")
        assert app.screen.maximized is None
        await pilot.press("z", "escape")
        assert app.screen.maximized is None
        assert app.screen is app.main


async def test_help_shows_the_keys_that_act_and_closes() -> None:
    app = Demo()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        for key in BY_VERB["close_help"].keys:
            await pilot.press("f1" if key == "f1" else "?")
            await settle(pilot)
            assert isinstance(app.screen, HelpScreen)
            lines = app.screen.query_one(HelpLines)
            shown = [lines.render_row(index, 70, False).text for index in range(lines.row_count)]
            assert shown[0] == "Timeline"
            assert any(row.startswith("← h") and "earlier times" in row for row in shown)
            assert not any("execution under the cursor" in row for row in shown)
            await pilot.press("G")
            await settle(pilot)
            assert lines.scroll_offset.y > 0
            await pilot.press(textual_key(key))
            await settle(pilot)
            assert app.screen is app.main


async def test_the_prompt_runs_commands_and_goes_to_places() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        await ask(pilot, "nexev")
        assert app.main.did == ["next event"]
        await ask(pilot, "187")
        await ask(pilot, "999")
        assert app.main.did[1:] == ["go to 187", "go to 999"]
        assert app.said == ["there is no event 999 [/]"]
        await ask(pilot, "theme dive-l")
        assert app.theme == "dive-light"
        await ask(pilot, "gotofail")
        assert app.said[1:] == ["Nothing failed [/here] ␛."]


async def test_the_prompt_closes_without_doing_anything() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        for keys in (["escape"], ["x", "backspace", "backspace"]):
            await pilot.press(":", *keys)
            await settle(pilot)
            assert app.screen is app.main
        await ask(pilot, "qqqqq")
        assert isinstance(app.screen, Prompt)
        lines = app.screen.query_one(CommandLines)
        assert any("Nothing is called “qqqqq”" in lines.render_line(y).text for y in range(lines.size.height))
        assert app.main.did == []


async def test_the_prompt_lists_what_can_be_done_here_and_why_not() -> None:
    app = Demo()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(":")
        await settle(pilot)
        lines = app.screen.query_one(CommandLines)
        offered = {command.name: command for command in lines.commands}
        assert offered["Next event"].unavailable is None
        assert offered["Go to the failure"].unavailable == "Nothing failed [/here] \x1b."
        assert "Open execution" not in offered
        assert "Previous step" not in offered
        row = lines.commands.index(offered["Go to the failure"])
        assert "Nothing failed [/here] ␛." in lines.render_row(row, 90, False).text
        assert lines.cursor == 0
        await pilot.press("down", "tab", "up")
        assert lines.cursor == 1


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("187", "187"),
        ("#187 ", "187"),
        ("@187", "187"),
        ("goto k3rg2", "k3rg2"),
        ("go to …k3rg2", "…k3rg2"),
        ("…k3rg2", "…k3rg2"),
        ("exec_01abc", "exec_01abc"),
        ("next", None),
        ("", None),
        ("goto", None),
    ],
)
def test_what_is_a_place_to_go_to(typed: str, target: str | None) -> None:
    assert target_of(typed) == target


def test_commands_match_by_a_few_letters_the_best_first() -> None:
    commands = [Command(name, "", lambda: None) for name in ("Previous event", "Next event", "Next step", "Sort")]
    assert matching(commands, "nexts")[0].name == "Next step"
    assert [command.name for command in matching(commands, "EVENT")] == ["Previous event", "Next event"]
    assert matching(commands, "  ") == commands
    assert matching(commands, "zzz") == []


async def test_the_filter_sends_what_has_no_error_and_shows_what_has() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        bar = app.main.query_one(FilterBar)
        await pilot.press("/", *"age<")
        await settle(pilot)
        assert bar.error == "age needs a number"
        assert "age needs a number" in bar.query_one("#note").render_line(0).text
        assert app.main.filters == ["a", "ag", "age"]
        assert bar.text == "age"
        await pilot.press("enter")
        assert isinstance(app.focused, TextField), "a filter with an error is not accepted"
        await pilot.press("5", "enter")
        await settle(pilot)
        assert app.main.filters[-2:] == ["age<5", "closed age<5"]
        assert app.focused is app.main.query_one("#events")
        bar.set_facts("57 of 4,812", "started")
        await settle(pilot)
        assert bar.query_one("#note").render_line(0).text.endswith("57 of 4,812   started")


async def test_leaving_the_filter_brings_back_what_it_was() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        bar = app.main.query_one(FilterBar)
        bar.set_text("old")
        await settle(pilot)
        await pilot.press("/", *" x", "escape")
        await settle(pilot)
        assert app.main.filters == ["old", "old ", "old x", "old", "closed old"]
        assert bar.query_one(TextField).value == "old"
        assert app.focused is app.main.query_one("#events")
        await pilot.press("/", *["backspace"] * 4)
        await settle(pilot)
        assert app.main.filters[-1] == "closed old", "backspace in the empty field is escape"


async def test_bare_keys_type_while_a_field_has_the_focus() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        await pilot.press("/", *"qQ.:?F1z")
        assert app.main.query_one(TextField).value == "qQ.:?F1z"
        assert app.main.did == []
        assert [action.id for action in active(app.screen)] == ["field.submit", "field.leave"]
        await settle(pilot)
        assert footer(app) == "enter accept   esc cancel"


async def test_a_key_right_after_escape_counts_as_both() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        await pilot.press("/", "x")
        app.post_message(Key("alt+j", "j"))
        await settle(pilot)
        assert app.main.filters[-1] == "closed "
        assert app.main.query_one("#events", Rows).cursor == 1
        await pilot.press("?")
        app.post_message(Key("™", "™"))
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen), "2 means nothing in the help, so that was no escape"
        app.post_message(Key("alt+shift+g", "G"))
        await settle(pilot)
        assert app.screen is app.main
        assert app.main.query_one("#events", Rows).cursor == 49
        app.post_message(Key("™", "™"))
        await settle(pilot)
        assert app.focused is app.main.query_one("#timeline")


async def test_the_footer_follows_the_focus_and_the_width() -> None:
    app = Demo()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert footer(app) == "F failure   , . event   > step   / filter   y copy   ? keys"
        await pilot.press("2")
        await settle(pilot)
        assert "← → pan" in footer(app)
        assert footer(app).endswith("? keys")
        await pilot.resize_terminal(120, 24)
        await settle(pilot)
        assert len(footer(app).split("   ")) == 9
        line = app.main.query_one(FooterLine)
        line.set_fact("3 new ↑")
        assert line.render_line(0).text.endswith("3 new ↑")
        await pilot.resize_terminal(30, 24)
        await settle(pilot)
        assert footer(app).split("   ")[-1].endswith("3 new ↑")
        assert "…" not in footer(app)


async def test_a_click_on_a_hint_does_what_it_says() -> None:
    app = Demo()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.click(FooterLine, offset=(footer(app).index("? keys") + 3, 0))
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)


def border(pane: Pane) -> tuple[str, str]:
    """The top and the bottom line of a pane as they are drawn."""
    lines = pane.render_lines(pane.region.reset_offset)
    return lines[0].text, lines[-1].text


async def test_panes_show_any_text_in_their_border() -> None:
    app = Demo()
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        pane = app.main.query_one("#left", Pane)
        top, bottom = border(pane)
        assert top.startswith("╭─ Events [/] ␛ ─")
        assert bottom.endswith("─ 1 of 50 ─╯")
        pane.set_title("a [red] very long title \x1b that does not fit")
        pane.set_fact("")
        await settle(pilot)
        top, bottom = border(pane)
        assert top.startswith("╭─ a [red] very long titl… ─╮") or "… ─╮" in top
        assert set(bottom[1:-1]) == {"─"}


async def test_tabs_in_the_border() -> None:
    app = Demo()
    async with app.run_test(size=(80, 24)) as pilot:
        pane = app.main.query_one("#right", Pane)
        pane.set_tabs(["Event", "State", "Changes"], 1)
        await settle(pilot)
        assert border(pane)[0].startswith("╭─ Event │ State │ Changes ─")
        top = border(pane)[0]
        for tab in ("Changes", "Event"):
            await pilot.click(pane, offset=(top.index(tab), 0))
        await pilot.click(pane, offset=(top.index("State") - 2, 0))
        await pilot.click(pane, offset=(5, 5))
        await settle(pilot)
        assert app.main.clicked == [2, 0]
        await pilot.resize_terminal(40, 24)
        await settle(pilot)
        assert border(pane)[0].startswith("╭─ State ─")


async def test_the_focused_pane_alone_is_in_the_accent() -> None:
    app = Demo()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        await settle(pilot)
        corners = {}
        for name in ("left", "right"):
            pane = app.main.query_one(f"#{name}", Pane)
            corner = next(iter(pane.render_lines(pane.region.reset_offset)[0]))
            assert corner.style is not None
            corners[name] = corner.style.color
        assert corners["right"] == app.palette["accent"].color
        assert corners["left"] == app.palette["border"].color


async def test_ascii_mode_reaches_panes_and_text() -> None:
    app = Demo(ascii_only=True)
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            pane = app.main.query_one("#left", Pane)
            pane.set_tabs(["Event", "é"], 0)
            await settle(pilot)
            assert border(pane)[0].startswith("+- Event | ? -")
            pane.set_title("long " * 20)
            await settle(pilot)
            assert border(pane)[0].endswith("~ -+")
            assert app.glyphs.ascii
            assert app.main.query_one("#events", Rows).render_line(0).text.startswith(">row 0")
    finally:
        text.set_ascii(False)
        Demo()


async def test_going_to_a_place_where_nothing_can_says_so() -> None:
    class Bare(Demo):
        """No screen of its own."""

        def get_default_screen(self) -> Screen[None]:  # type: ignore[override]
            return Screen()

    app = Bare()
    async with app.run_test():
        app.go_to("187")
        assert app.said == ["There is no 187 to go to from here."]


async def test_a_toast_is_plain_text() -> None:
    class Plain(Shell):
        """The shell with Textual's own notify."""

    app = Plain()
    async with app.run_test(notifications=True, size=(60, 12)) as pilot:
        app.say("\x1b]52;c;aGk=\x07 [/] [bold]x" + "y" * 10_000_000)
        while not app.screen.query("Toast"):
            await pilot.pause()
        toast = app.screen.query_one("Toast")
        while not toast.size:
            await pilot.pause()
        shown = [strip.text for strip in toast.render_lines(toast.region.reset_offset)]
        assert "␛]52;c;aGk=␇ [/]" in shown[0]
        assert "[bold]xyyy" in shown[1]
        assert "y…" in shown[-1]


async def test_the_theme_can_be_any_that_textual_knows() -> None:
    app = Demo()
    async with app.run_test() as pilot:
        for theme in ("dive-high-contrast", "nord", "ansi-dark", "dive-dark"):
            app.theme = theme
            await settle(pilot)
            assert app.palette.tokens.name == theme
            assert app.main.query_one("#events", Rows).render_line(0)


async def test_what_still_stands_there_is_not_said_beside_itself() -> None:
    app = Shell()
    async with app.run_test() as pilot:
        for sentence in ("one", "one", "two", "one"):
            app.say(sentence)
            await pilot.pause()
        assert [said.message for said in app._notifications] == ["one", "two"]
        app.clear_notifications()
        app.say("one")
        await pilot.pause()
        assert [said.message for said in app._notifications] == ["one"]
