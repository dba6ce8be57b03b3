"""What runs when a unit runs: an action, a script, a prompt to an agent, a child execution."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.core.decide import Command, CommandKind
from engine.core.drafts import Outcome, attempt_of, names_for
from engine.core.expression_errors import ExpressionProblem
from engine.core.program import Program, ProgramStep
from engine.core.templates import compile_template
from engine.model.events import JsonObject
from engine.model.state import AttemptState, ExecutionState, PathState
from engine.model.times import format_time, seconds_between
from engine.runtime.actions import ActionRegistry
from engine.runtime.agent_registry import Agents
from engine.runtime.agents import AgentError, AgentRequest, run_prompt
from engine.runtime.attempt import run_attempt
from engine.runtime.capture import Echo
from engine.runtime.children import Child, ChildExecutions
from engine.runtime.config import PersistenceConfig
from engine.runtime.context import ActionContext
from engine.runtime.ports import Clock
from engine.runtime.scripts import ScriptSandbox, run_script
from engine.runtime.secrets import SecretBox, SecretError
from engine.runtime.slots import Slots
from engine.runtime.threads import DaemonThreads


@dataclass
class Tools:
    """What all runners of a process work with."""

    actions: ActionRegistry
    clock: Clock
    config: PersistenceConfig
    children: ChildExecutions = field(init=False)
    """Given once there is somebody who drives them."""
    agents: Agents = field(default_factory=Agents)
    scripts: ScriptSandbox = field(default_factory=ScriptSandbox)
    threads: DaemonThreads = field(default_factory=DaemonThreads)
    slots: Slots = field(default_factory=Slots)


def secret_references(state: ExecutionState) -> Iterable[str]:
    """The secrets an execution was given: `env:NAME`, `file:PATH`."""
    for value in state.inputs.values():
        if isinstance(value, dict) and value.keys() == {"$secret"} and isinstance(value["$secret"], str):
            yield value["$secret"]


class Effects:
    """Starts the effects of one execution."""

    def __init__(
        self, tools: Tools, program: Program, definitions: JsonObject, secrets: SecretBox | None, echo: Echo | None
    ) -> None:
        self._tools = tools
        self._program = program
        self._definitions = definitions
        self._secrets = secrets
        self._echo = echo

    def of(
        self, command: Command, state: ExecutionState, parameters: JsonObject
    ) -> Coroutine[Any, Any, Outcome | None]:
        """What carries out a `RUN` or `AWAIT_CHILD`; its outcome is None when a child goes on elsewhere.

        `parameters` are those recorded in its `step_started`.
        """
        path, step = state.paths[command.path], self._program.steps[command.step]
        attempt = attempt_of(path, command.iteration)
        assert attempt is not None
        if command.kind is CommandKind.AWAIT_CHILD or step.kind == "workflow":
            return self._child(state, step, attempt, parameters)
        if step.kind == "script":
            return self._script(command, state, path, step, attempt)
        if step.kind == "prompt":
            return self._prompt(command, state, step, attempt, parameters)
        return self._action(command, state, step, attempt, parameters)

    def _script(
        self, command: Command, state: ExecutionState, path: PathState, step: ProgramStep, attempt: AttemptState
    ) -> Coroutine[Any, Any, Outcome]:
        assert step.script is not None
        return run_script(
            self._tools.scripts,
            step.script,
            names_for(state, path, step, command.iteration),
            clock=self._tools.clock,
            config=self._tools.config,
            echo=self._echo,
            timeout=self._time_left(step, attempt),
        )

    async def _prompt(
        self,
        command: Command,
        state: ExecutionState,
        step: ProgramStep,
        attempt: AttemptState,
        parameters: JsonObject,
    ) -> Outcome:
        try:
            agent, settings = self._tools.agents.find(step.definition.agent, self._program.workflow)
            # They may hold secrets, so they are rendered for the call alone and recorded nowhere.
            settings = compile_template(settings).render({"inputs": state.inputs})
            settings = settings if self._secrets is None else self._secrets.resolve(settings)
        except (AgentError, ExpressionProblem, SecretError) as problem:
            return Outcome(error=str(problem), error_type=type(problem).__name__, phase="parameters")
        request = AgentRequest(
            parameters["prompt"], list(parameters["content"]), _context(command, state, attempt), settings
        )
        return await run_prompt(
            agent,
            request,
            clock=self._tools.clock,
            config=self._tools.config,
            echo=self._echo,
            timeout=self._time_left(step, attempt),
        )

    def _action(
        self,
        command: Command,
        state: ExecutionState,
        step: ProgramStep,
        attempt: AttemptState,
        parameters: JsonObject,
    ) -> Coroutine[Any, Any, Outcome]:
        action = self._tools.actions.get(step.action)
        assert action is not None, "a unit only starts when its action is known"
        context = None
        if action.parameters.context_names:
            context = _context(command, state, attempt)
        return run_attempt(
            action,
            parameters,
            context=context,
            clock=self._tools.clock,
            threads=self._tools.threads,
            config=self._tools.config,
            echo=self._echo,
            timeout=self._time_left(step, attempt),
            resolve=None if self._secrets is None else self._secrets.resolve,
        )

    async def _child(
        self, state: ExecutionState, step: ProgramStep, attempt: AttemptState, parameters: JsonObject
    ) -> Outcome | None:
        wanted = Child(
            id=attempt.child_id,
            workflow=parameters["workflow"],
            inputs=parameters["inputs"],
            parent=state.execution_id,
            definitions=self._definitions,
            deadline=state.info.deadline,
            detached=step.definition.detached,
        )
        return await self._tools.children.see_to(wanted)

    def _time_left(self, step: ProgramStep, attempt: AttemptState) -> float | None:
        """Seconds this attempt may take."""
        if step.timeout_total is None:
            return step.timeout
        now = format_time(self._tools.clock.now())
        left = max(0.0, step.timeout_total - seconds_between(attempt.started_at, now))
        return left if step.timeout is None else min(left, step.timeout)


def _context(command: Command, state: ExecutionState, attempt: AttemptState) -> ActionContext:
    last = (attempt.error or {}).get("data")
    return ActionContext(
        execution_id=state.execution_id,
        workflow_name=state.info.workflow_name,
        path=command.path,
        step=command.step,
        visit=command.visit,
        attempt=command.attempt,
        iteration=command.iteration,
        effect_key=attempt.effect_key,
        labels=state.info.labels,
        last_progress=last.get("progress") if isinstance(last, dict) else None,
    )
