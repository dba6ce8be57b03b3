"""The dialog that sends a signal: its topic, and its data as JSON that is checked while it is typed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_text
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.json.json_text import size_of
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField
from engine.model.signals import LONGEST_TOPIC

Send = Callable[[str, Any], Awaitable[str | None]]
"""Sends a topic and data; returns a sentence when they could not be sent."""


def read_data(text: str) -> Any:
    """The value that was typed; nothing stands for null.

    Raises:
        ValueError: it is no JSON; the sentence says where.
    """
    if not text.strip():
        return None
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg.lower()} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("no JSON that could be sent: it is nested too deeply") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"no JSON: {constant} has no place in it")


def topic_problem(topic: str) -> str | None:
    """Why this cannot be a topic, or None."""
    if not topic.strip():
        return "A signal needs a topic: the name that a step waits for."
    if topic.startswith("$"):
        return "A topic must not begin with $."
    return f"A topic has at most {LONGEST_TOPIC} characters." if len(topic) > LONGEST_TOPIC else None


class SignalDialog(Dialog[bool]):
    """Its result is whether a signal was sent. What cannot be sent is said in it, and it stays."""

    BINDINGS = bindings(Scope.FORM)

    DEFAULT_CSS = """
    SignalDialog > Pane { width: 76; max-width: 94%; height: auto; max-height: 90%; }
    SignalDialog Horizontal { height: 1; }
    SignalDialog PartsLine { width: 9; padding: 0; }
    SignalDialog TextField { width: 1fr; }
    SignalDialog Words { margin-top: 1; overflow-y: hidden; }
    """

    def __init__(self, name: str, topic: str, waits: str, sender: str, send: Send) -> None:
        super().__init__()
        self._name = name
        self._topic = topic
        self._shown_topic = display_text(topic, max_cells=2 * LONGEST_TOPIC)  # a field shows whatever it holds
        self._waits = waits
        self._sender = sender
        self._send = send
        self._busy = False

    def compose(self) -> ComposeResult:
        """Who gets it, topic, data, and what is to be said of them."""
        told = [(f"It waits for {self._waits}." if self._waits else "It waits for no signal; it may later.", "dim")]
        with Pane(title=f"Signal to {self._name}", fact="enter send   tab next field   esc close"):
            with Horizontal():
                yield PartsLine(part(("topic", "dim")))
                yield TextField(self._shown_topic, placeholder="what a step waits for", id="topic")
            with Horizontal():
                yield PartsLine(part(("data", "dim")))
                yield TextField(placeholder='JSON, such as {"ok": true}; empty is null', id="data")
            with Horizontal():
                yield PartsLine(part(("from", "dim")))
                yield PartsLine(part((self._sender, "text")), id="sender")
            yield Words(told, id="waits")
            yield Words(id="judgement")

    def on_mount(self) -> None:
        """Start where something is to be typed."""
        self.query_one("#sender").styles.width = "1fr"
        self._field("data" if self._topic else "topic").focus()

    def _field(self, name: str) -> TextField:
        return self.query_one(f"#{name}", TextField)

    def _judge(self, sentence: str, style: str) -> None:
        self.query_one("#judgement", Words).show([(sentence, style)] if sentence else [])

    @on(TextField.Changed, "#data")
    def _typed(self, event: TextField.Changed) -> None:
        try:
            value = read_data(event.value)
        except ValueError as problem:
            self._judge(str(problem), "waiting")
        else:
            size = size_of(value) if isinstance(value, dict | list) else type(value).__name__
            self._judge(f"JSON: {size}" if event.value.strip() else "", "ok")

    @on(TextField.Submitted)
    def _submitted(self, event: TextField.Submitted) -> None:
        typed = self._field("topic").value
        topic = self._topic if typed == self._shown_topic else typed
        problem = topic_problem(topic)
        try:
            value = read_data(self._field("data").value)
        except ValueError as error:
            problem = problem or str(error)
        if event.input.id == "topic" and not topic_problem(topic):
            self._field("data").focus()
        elif problem is not None:
            self._judge(problem, "failed")
        elif not self._busy:
            self._busy = True
            self.run_worker(self._carry_out(topic, value), exit_on_error=False)

    async def _carry_out(self, topic: str, value: Any) -> None:
        problem = await self._send(topic, value)
        self._busy = False
        if problem is None:
            self.dismiss(True)
        else:
            self._judge(problem, "failed")

    def action_leave(self) -> None:
        """Send nothing."""
        self.dismiss(False)

    def action_next_field(self) -> None:
        """Go to the other field."""
        self._field("data" if self.focused is self._field("topic") else "topic").focus()
