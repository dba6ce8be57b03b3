"""The effects of one execution that are under way: begun when they are wanted, ended when they are not any more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from engine.core.decide import EFFECTS, Command, CommandKind
from engine.core.drafts import Outcome, attempt_of
from engine.core.program import Program
from engine.model.events import ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import ExecutionState, Phase
from engine.runtime.actions import Action
from engine.runtime.effects import Effects, Tools

GRACE = 5.0
"""Seconds that cancelled async actions get to clean up."""
LOOK_AGAIN = 5.0
"""Seconds after which a child that somebody else drives is looked at again."""
_THREADS_AGAIN = 0.1
"""Seconds after which it is asked again whether an abandoned thread has ended; they are rare."""
_CANCELLED_ITSELF = Outcome(error="the action cancelled its own task", error_type="CancelledError", known=False)
Task = asyncio.Task[None]


class InFlight:
    """What runs of an execution now. `wake` is called when an outcome has arrived, or there may be room again."""

    def __init__(self, program: Program, tools: Tools, effects: Effects, wake: Callable[[], None]) -> None:
        self._program = program
        self._tools = tools
        self._effects = effects
        self._wake = wake
        self._running: dict[Command, Task] = {}
        self._arrived: deque[tuple[Command, Task, Outcome | BaseException | None]] = deque()
        self._dropped: set[asyncio.Task[Any]] = set()
        """What nobody wants any more and may still need a moment to end."""
        self._children: dict[Command, str] = {}
        """The open child executions by the command that waits for them."""
        self._elsewhere: set[Command] = set()
        """Those of them that somebody else drives."""
        self._parameters: dict[Command, JsonObject] = {}
        self._slots: dict[Command, Action] = {}
        """The calls of actions that were given room and have not ended."""

    @property
    def children(self) -> frozenset[str]:
        """Ids of the child executions that are waited for."""
        return frozenset(self._children.values())

    def __bool__(self) -> bool:
        return bool(self._running)

    @property
    def runs_code(self) -> bool:
        """Whether more is under way than waiting for children."""
        return any(command.kind is CommandKind.RUN for command in self._running)

    def look_again(self) -> None:
        """See anew to the children that somebody else drove."""
        self._elsewhere.clear()

    def has_room(self, command: Command) -> bool:
        """Whether the process has room for what a start would run; if not, `wake` is called when it may have."""
        action = self._action_of(command)
        if action is None:
            return True
        if not action.is_async and self._tools.threads.exhausted:
            asyncio.get_running_loop().call_later(_THREADS_AGAIN, self._wake)
            return False
        return self._tools.slots.has_room(action, self._wake)

    def remember(self, event: ExecutionEvent) -> Command | None:
        """Keep the parameters of an attempt that starts with this event; returns its command."""
        if event.event_type != ExecutionEventType.STEP_STARTED:
            return None
        attempt = attempt_command(event)
        if "items" not in event.data:
            self._parameters[attempt] = event.data["step_params"]
        return attempt

    def take_room(self, event: ExecutionEvent) -> None:
        """As `remember`, for an attempt that is about to run here."""
        attempt = self.remember(event)
        action = None if attempt is None else self._action_of(attempt)
        if attempt is not None and action is not None:
            self._tools.slots.take(action)
            self._slots[attempt] = action

    def launch(self, wanted: list[Command], state: ExecutionState) -> None:
        """Begin the effects that are wanted and not under way, and end those that are not wanted any more."""
        effects = [command for command in wanted if command.kind in EFFECTS]
        for command in (self._running.keys() | self._elsewhere).difference(effects):
            self._drop(command, state.execution_id)
        for command in effects:
            if command not in self._running and command not in self._elsewhere:
                self._begin(command, state)

    def arrived(self, state_now: Callable[[], ExecutionState]) -> Iterator[tuple[Command, Outcome]]:
        """The outcomes that have arrived, of attempts that are still open when it is their turn."""
        while self._arrived:
            command, task, outcome = self._arrived.popleft()
            if self._running.get(command) is not task:
                continue
            del self._running[command]
            self._free(command)
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome is None:
                self._elsewhere.add(command)
                # Whoever drives the child may die, which nobody is told of.
                asyncio.get_running_loop().call_later(LOOK_AGAIN, self._look_and_wake)
                continue
            self._children.pop(command, None)
            if _is_open(command, state_now()):
                self._parameters.pop(_attempt_of(command), None)
                yield command, outcome

    async def stop(self) -> None:
        """End everything; what it still gives is dropped."""
        tasks = list(self._running.values())
        self._running.clear()
        for command in list(self._slots):
            self._free(command)
        for task in tasks:
            task.cancel()
        if tasks or self._dropped:
            await asyncio.wait([*tasks, *self._dropped], timeout=GRACE)

    def _begin(self, command: Command, state: ExecutionState) -> None:
        parameters = self._parameters[_attempt_of(command)]
        if command.kind is CommandKind.AWAIT_CHILD:
            attempt = attempt_of(state.paths[command.path], command.iteration)
            assert attempt is not None
            self._children[command] = attempt.child_id
        self._running[command] = asyncio.create_task(self._carry_out(command, state, parameters))

    async def _carry_out(self, command: Command, state: ExecutionState, parameters: JsonObject) -> None:
        task = asyncio.current_task()
        assert task is not None
        effect = self._effects.of(command, state, parameters)
        del state  # as long as the effect lasts, it would keep alive what the execution was when it began
        outcome: Outcome | BaseException | None
        try:
            outcome = await effect
        except asyncio.CancelledError:
            outcome = _CANCELLED_ITSELF
        except Exception as error:
            outcome = error
        # Told by the task itself: a callback would come a turn of the loop later.
        self._arrived.append((command, task, outcome))
        self._wake()

    def _drop(self, command: Command, execution_id: str) -> None:
        self._elsewhere.discard(command)
        task = self._running.pop(command, None)
        if task is not None:
            task.cancel()
            self._free(command)
            self._let_go(task)
        child = self._children.pop(command, None)
        if child is not None:
            reason = f"step {command.step!r} of {execution_id} does not wait for it any more"
            self._let_go(asyncio.create_task(self._tools.children.cancel(child, reason)))

    def _let_go(self, task: asyncio.Task[Any]) -> None:
        self._dropped.add(task)
        task.add_done_callback(self._dropped.discard)

    def _look_and_wake(self) -> None:
        self.look_again()
        self._wake()

    def _free(self, command: Command) -> None:
        action = self._slots.pop(command, None)
        if action is not None:
            self._tools.slots.give_back(action)

    def _action_of(self, command: Command) -> Action | None:
        """The action that a command's attempt calls; None when it calls none."""
        step = self._program.steps.get(command.step)
        if step is None or not step.action or (step.items is not None and command.iteration is None):
            return None
        return self._tools.actions.get(step.action)


def _attempt_of(command: Command) -> Command:
    """The `RUN` of the attempt that a command with an effect is about."""
    return command if command.kind is CommandKind.RUN else command._replace(kind=CommandKind.RUN)


def _is_open(command: Command, state: ExecutionState) -> bool:
    """Whether the attempt has not been ended by something else in this turn."""
    path = state.paths.get(command.path)
    if path is None or path.phase is not Phase.RUNNING:
        return False
    if (path.current_step, path.visit) != (command.step, command.visit):
        return False
    attempt = attempt_of(path, command.iteration)
    return attempt is not None and attempt.number == command.attempt


def attempt_command(event: ExecutionEvent) -> Command:
    """The attempt that an event begins or ends."""
    data = event.data
    iteration = data["iteration"]["index"] if "iteration" in data else None
    return Command(CommandKind.RUN, event.path_id, event.step_name, data["visit"], data["attempt"], iteration)
