"""What a person can do to the execution a screen is about: signal, pause, resume, wake and cancel it."""

from __future__ import annotations

from typing import Any, Protocol, cast, runtime_checkable

from dive_tui.app.actions import Scope
from dive_tui.app.deleting import DeletionError, Doomed, delete, doomed, why_not_delete
from dive_tui.app.keymap import bindings
from dive_tui.app.shell import Shell
from dive_tui.app.steering import Sent, Steering, SteeringError
from dive_tui.app.text import human_count
from dive_tui.feeds.pace import Feed
from dive_tui.widgets.dialogs.choice import ChoiceDialog
from dive_tui.widgets.dialogs.delete_dialog import DeleteDialog
from dive_tui.widgets.dialogs.signal_dialog import SignalDialog
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.screens import AppScreen
from dive_tui.widgets.shown_status import shown_status
from dive_tui.widgets.wait_words import id_words, summary_words
from engine.model.signals import MessageKind
from engine.model.snapshot import ExecutionSummary
from engine.model.state import ENDED, ExecutionStatus, Wait
from engine.store import ExecutionEventStore
from stores.folding import is_damaged

_SIGNAL = "signal "


@runtime_checkable
class UsesStore(Protocol):
    """A screen that reads a store."""

    def use_store(self, store: ExecutionEventStore) -> None:
        """Go on with this store, which is at the place of the one before; what was read stays."""


class SteeredScreen(AppScreen[None]):
    """A screen that is about one execution at a time. It has a `steering` as soon as there is a store."""

    BINDINGS = bindings(Scope.STEERING)
    steering: Steering | None = None
    _offered_for: tuple[str, bool] | None = None
    _feed: Feed | None = None

    def use_store(self, store: ExecutionEventStore) -> None:
        """Go on with this store, which is at the place of the one before; what was read stays."""
        if self.steering is not None:
            self.steering.use(store)
        if self._feed is not None:
            self._feed.use(store)

    def offer_what_applies(self) -> None:
        """Let the footer follow when what may be done to the execution has changed."""
        summary = self.steered
        now = None if summary is None else (summary.status, summary.wake_at is None)
        if now != self._offered_for:
            self._offered_for = now
            self.query_one(FooterLine).update_hints()

    @property
    def steered(self) -> ExecutionSummary | None:
        """The execution it is about now."""
        raise NotImplementedError

    def open_waits(self) -> list[Wait] | None:
        """Everything that execution waits for, when that is known in full."""
        return None

    def why_not_send_signal(self) -> str | None:
        """Why it takes no messages, or None."""
        summary = self.steered
        if summary is None or self.steering is None:
            return "There is no execution here."
        if self.steering.read_only:
            return self.steering.why_read_only
        if is_damaged(summary):
            return "Its history is damaged, so nothing can be added to it: V says where, and repairs it."
        if summary.status in ENDED:
            words = {"continued": "gone on as another one", "cancelled": "been cancelled"}
            return f"It has {words.get(summary.status, summary.status)}: it takes no messages any more."
        return None

    why_not_pause = why_not_cancel_execution = why_not_send_signal

    def why_not_wake(self) -> str | None:
        """Only sleeps and delays before another attempt can be ended."""
        summary = self.steered
        if summary is None or (reason := self.why_not_send_signal()):
            return self.why_not_send_signal()
        if summary.status == ExecutionStatus.PAUSED:
            return "It is paused; p lets it go on."
        waits = self.open_waits()
        sleeps = any(wait.kind in ("sleep", "retry") for wait in waits) if waits is not None else bool(summary.wake_at)
        if sleeps:
            return reason
        return "Nothing of it sleeps or waits to be tried again: there is nothing to wake."

    def action_send_signal(self) -> None:
        """Ask for topic and data, and send them."""
        summary = self.steered
        assert summary is not None and self.steering is not None
        topics = [wait.topic for wait in self.open_waits() or () if wait.kind == "signal"]
        waits = summary.waiting_for or ""
        if not topics and waits.startswith(_SIGNAL):
            topics = [waits.removeprefix(_SIGNAL)]
        told = ", ".join(f"{_SIGNAL}{topic}" for topic in dict.fromkeys(topics)) or summary_words(waits)

        async def send(topic: str, data: Any) -> str | None:
            return await self._send("signal", summary.id, topic=topic, data=data)

        dialog = SignalDialog(id_words(summary.id), topics[0] if topics else "", told, self.steering.sender, send)
        self.app.push_screen(dialog)

    def action_pause(self) -> None:
        """Pause it, or let it go on."""
        summary = self.steered
        if summary is not None:
            self._send_soon("resume" if summary.status == ExecutionStatus.PAUSED else "pause", summary.id)

    def action_wake(self) -> None:
        """End its sleeps and delays now."""
        if self.steered is not None:
            self._send_soon("wake", self.steered.id)

    def action_cancel_execution(self) -> None:
        """Say what cancelling does, and do it when that is confirmed."""
        summary = self.steered
        assert summary is not None
        standing = summary.at_step or "its beginning"
        sentences = [
            (f"{summary.workflow_name}  {summary.id}", "bright"),
            (f"It is {summary.shown_status} at {standing}.", "text"),
            ("It ends as cancelled, with every path of it; this cannot be undone.", "text"),
            ("What is in flight is told to stop: whether it had its effect may stay unknown.", "dim"),
        ]
        if summary.children:
            names = ", ".join(id_words(child) for child in summary.children[:4])
            sentences.insert(3, (f"Its children end with it: {names}.", "text"))

        async def cancel() -> str | None:
            return await self._send("cancel", summary.id, reason=dialog.answer)

        choices = [("Cancel the execution", cancel)]
        dialog = ChoiceDialog("Cancel the execution?", sentences, "Go back, change nothing", choices, ask="reason")
        self.app.push_screen(dialog)

    def why_not_delete_execution(self) -> str | None:
        """Only what has ended can be deleted, in a store that can be changed."""
        summary = self.steered
        if summary is None or self.steering is None:
            return "There is no execution here."
        return self.steering.why_read_only or why_not_delete(summary)

    def action_delete_execution(self) -> None:
        """Say what will be lost, and delete it when that is confirmed."""
        if self.steered is not None:
            self.run_worker(self._ask_to_delete(self.steered), group="deleting", exit_on_error=False)

    async def _ask_to_delete(self, summary: ExecutionSummary) -> None:
        assert self.steering is not None
        store = self.steering.store
        try:
            lost = await doomed(store, summary)
        except DeletionError as problem:
            self._shell.say(str(problem), "warning", seconds=8)
            return

        async def carry_out() -> str | None:
            try:
                self._shell.say(await delete(store, summary), seconds=8)
            except DeletionError as problem:
                return str(problem)
            return None

        def closed(deleted: bool | None) -> None:
            if deleted:
                self.execution_deleted()

        dialog = DeleteDialog("Delete the execution?", lost_words(lost), [summary.id], carry_out)
        self.app.push_screen(dialog, closed)

    def execution_deleted(self) -> None:
        """The execution the screen is about was deleted from here."""

    def _send_soon(self, kind: MessageKind, execution_id: str) -> None:
        async def send() -> None:
            problem = await self._send(kind, execution_id)
            if problem is not None:
                self._shell.say(problem, "warning", seconds=8)

        self.run_worker(send(), group="steering", exit_on_error=False)

    async def _send(
        self, kind: MessageKind, execution_id: str, *, topic: str = "", data: Any = None, reason: str = ""
    ) -> str | None:
        """Send a message and say what became of it; returns a sentence when it could not be sent."""
        assert self.steering is not None
        try:
            sent = await self.steering.send(kind, execution_id, topic=topic, data=data, reason=reason)
        except SteeringError as problem:
            return str(problem)
        if sent.needs_runner and self.steering.starts_runners:
            self.call_later(self._offer_runner, sent, execution_id)
        else:
            self._shell.say(sent.sentence, seconds=8)
        return None

    def _offer_runner(self, sent: Sent, execution_id: str) -> None:
        """Nobody drives it: ask whether to start a runner."""
        steering = self.steering
        assert steering is not None

        async def start() -> str | None:
            try:
                self._shell.say(await steering.start_runner(execution_id), seconds=8)
            except SteeringError as problem:
                return str(problem)
            return None

        sentences = [
            (sent.sentence, "text"),
            ("It goes on as soon as a runner takes it up. One started here outlives the app.", "dim"),
        ]
        command = f"dive-tui recover {execution_id[-5:]}{steering.store_option}"
        choices = [(f"Start a runner now: {command}", start)]
        self.app.push_screen(ChoiceDialog("Nobody drives it", sentences, "Leave it to dive-tui work", choices))

    @property
    def _shell(self) -> Shell:
        return cast("Shell", self.app)


def lost_words(lost: Doomed) -> list[tuple[str, str]]:
    """What is deleted, and what that means, each with a palette name."""
    summary, messages = lost
    status = shown_status(summary)
    ended = "It ended as" if status in ENDED else "It is"
    unread = {None: " Its messages cannot be read.", 0: ""}.get(
        messages, f" {human_count(messages or 0)} of its messages were never received."
    )
    sentences = [
        (f"{summary.workflow_name}  {summary.id}", "bright"),
        (f"{ended} {status}, with {human_count(summary.last_event_seq)} events.{unread}", "text"),
        ("Its history, its state and its messages are removed for good; this cannot be undone.", "text"),
    ]
    if summary.children:
        sentences.append(("Its children are executions of their own and stay.", "dim"))
    return sentences
