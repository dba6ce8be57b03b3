"""What `data` holds for each kind of event, as pydantic models.

They run when an event is appended and when a history is verified; folding and listing read the plain decoded JSON.
Unknown keys are allowed: a newer version may add some, and they survive a round trip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.model.events import ExecutionEvent, ExecutionEventType, InvalidEventError

if TYPE_CHECKING:
    from collections.abc import Mapping

Count = Annotated[int, Field(ge=0)]
Ordinal = Annotated[int, Field(ge=1)]


class Payload(BaseModel):
    """Base of all payloads: immutable, strict about types, generous about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class Lineage(Payload):
    """Where an execution came from, when it was not started afresh."""

    kind: Literal["retry", "continue", "child", "migration"]
    execution_id: str
    sequence: Count | None = None
    strategy: str | None = None
    reason: str | None = None
    plan: dict[str, Any] | None = None


class Source(Payload):
    """Where the definition was read, so that a later look can say whether it changed since."""

    kind: Literal["file", "module"]
    ref: str
    workflow: str
    project: str | None = None


class ExecutionStarted(Payload):
    workflow_name: str
    workflow: dict[str, Any]
    workflow_hash: str
    inputs: dict[str, Any]
    inputs_hash: str
    engine_version: str
    source: Source | None = None
    deadline: str | None = None
    labels: dict[str, str] | None = None
    lineage: Lineage | None = None
    inbox: dict[str, Any] | None = None
    children: dict[str, dict[str, Any]] | None = None
    """By name the definitions of the workflows its steps run, and of those that these run."""
    dialect: str | None = None
    """Set when another system recorded the history; its definition is empty then."""


class PathStarted(Payload):
    current_step: str
    parent: str | None = None
    fork: Ordinal | None = None
    variables: dict[str, Any] | None = None


class Iteration(Payload):
    index: Count


class ActionRef(Payload):
    name: str
    version: str | None = None
    source_hash: str | None = None


class StepStarted(Payload):
    step_type: str
    visit: Ordinal
    attempt: Ordinal
    step_params: dict[str, Any]
    inputs_hash: str
    effect_key: str
    iteration: Iteration | None = None
    items: list[Any] | None = None
    child_id: str | None = None
    action: ActionRef | None = None


class Edge(Payload):
    """One edge that was looked at when a step ended: `value` says whether it was taken."""

    step: str
    value: bool
    path: str | None = None
    condition: str | None = None
    error: str | None = None
    """Why the condition could not be evaluated; then it is the last edge and a `step_failed` (route) follows."""


class StepCompleted(Payload):
    visit: Ordinal
    attempt: Ordinal
    output: Any
    edges: list[Edge]
    duration_ms: Annotated[float, Field(ge=0)]
    stored_variable: str | None = None
    stored_value: Any = None
    stored_keys: dict[str, str] | None = None
    """From each variable to the key of the output it received."""
    iteration: Iteration | None = None
    usage: dict[str, Any] | None = None
    log: str | None = None
    signal: Ordinal | None = None


class Caught(Payload):
    step: str
    stored_variable: str | None = None


class StepFailed(Payload):
    """Exactly one of `retry`, `caught` and `final` says what comes of it."""

    visit: Ordinal
    attempt: Ordinal
    phase: Literal["parameters", "run", "output", "route"]
    error: str
    error_type: str
    outcome: Literal["known", "unknown"]
    retry: bool | None = None
    caught: Caught | None = None
    final: bool | None = None
    collected: bool | None = None
    """Beside `final`, of an item: the error is kept in its place and the step goes on."""
    traceback: str | None = None
    details: Any = None
    iteration: Iteration | None = None
    log: str | None = None
    duration_ms: Annotated[float, Field(ge=0)] | None = None


class StepRetryScheduled(Payload):
    visit: Ordinal
    attempt: Ordinal
    policy: Count
    delay_ms: Annotated[float, Field(ge=0)]
    due_at: str
    iteration: Iteration | None = None


class StepWaiting(Payload):
    visit: Ordinal
    for_: Annotated[Literal["signal", "sleep", "join", "child"], Field(alias="for")]
    topic: str | None = None
    due_at: str | None = None
    child_id: str | None = None
    join: dict[str, Any] | None = None
    iteration: Iteration | None = None


class StepSkipped(Payload):
    visit: Ordinal
    reason: str
    by: str
    output: Any = None


class NewPath(Payload):
    id: str
    current_step: str
    edge: Count


class PathBranched(Payload):
    new_paths: Annotated[list[NewPath], Field(min_length=1)]


class Arrival(Payload):
    path: str
    status: str


class PathJoined(Payload):
    fork: Ordinal
    arrived: list[Arrival]
    variables: dict[str, Any]
    path: str
    cancelled: list[str] | None = None
    """Paths that the join did not need and that end with it."""
    error: str | None = None
    error_type: str | None = None
    """Set when the join cannot go on: its step fails with them."""


class PathCompleted(Payload):
    final_step: str
    reason: Literal["end", "no_edge", "fork", "join"]
    fork: Ordinal | None = None
    opens: bool | None = None
    """Whether it is the first to reach its join."""
    due_at: str | None = None
    """When the join it opened will have waited too long."""


class PathFailed(Payload):
    error: str
    error_type: str
    caused_by: Ordinal
    final_step: str | None = None


class PathCancelled(Payload):
    caused_by: Ordinal | None = None
    final_step: str | None = None
    unit: dict[str, Any] | None = None
    effect_key: str | None = None


class StateEdited(Payload):
    path: str
    set: dict[str, Any]
    unset: list[str]
    reason: str
    by: str
    unit: dict[str, Any] | None = None
    output: Any = None


class SignalReceived(Payload):
    signal_id: str
    ordinal: Ordinal
    signal_type: str
    data: Any
    sent_at: str
    sender: str | None = None


class Intervention(Payload):
    """Paused, resumed, cancelled or recovered: who did it and why."""

    by: str
    reason: str
    signal_id: str | None = None
    interrupted: list[dict[str, Any]] | None = None
    count: Ordinal | None = None


class ExecutionCompleted(Payload):
    outputs: dict[str, Any]


class ExecutionFailed(Payload):
    error: str
    error_type: str
    caused_by: list[Ordinal]


class VersionDecision(Payload):
    change_id: str
    version: int
    min_version: int
    max_version: int


class ExecutionContinueAsNew(Payload):
    new_execution_id: str
    reason: str
    new_inputs: dict[str, Any]
    preserved_state: dict[str, Any]


PAYLOADS: Mapping[str, type[Payload]] = {
    ExecutionEventType.EXECUTION_STARTED: ExecutionStarted,
    ExecutionEventType.PATH_STARTED: PathStarted,
    ExecutionEventType.STEP_STARTED: StepStarted,
    ExecutionEventType.STEP_COMPLETED: StepCompleted,
    ExecutionEventType.STEP_FAILED: StepFailed,
    ExecutionEventType.STEP_RETRY_SCHEDULED: StepRetryScheduled,
    ExecutionEventType.STEP_WAITING: StepWaiting,
    ExecutionEventType.STEP_SKIPPED: StepSkipped,
    ExecutionEventType.PATH_BRANCHED: PathBranched,
    ExecutionEventType.PATH_JOINED: PathJoined,
    ExecutionEventType.PATH_COMPLETED: PathCompleted,
    ExecutionEventType.PATH_FAILED: PathFailed,
    ExecutionEventType.PATH_CANCELLED: PathCancelled,
    ExecutionEventType.STATE_EDITED: StateEdited,
    ExecutionEventType.SIGNAL_RECEIVED: SignalReceived,
    ExecutionEventType.EXECUTION_PAUSED: Intervention,
    ExecutionEventType.EXECUTION_RESUMED: Intervention,
    ExecutionEventType.EXECUTION_CANCELLED: Intervention,
    ExecutionEventType.EXECUTION_RECOVERED: Intervention,
    ExecutionEventType.EXECUTION_COMPLETED: ExecutionCompleted,
    ExecutionEventType.EXECUTION_FAILED: ExecutionFailed,
    ExecutionEventType.VERSION_DECISION: VersionDecision,
    ExecutionEventType.EXECUTION_CONTINUE_AS_NEW: ExecutionContinueAsNew,
}


_VALIDATORS = {kind: payload.__pydantic_validator__ for kind, payload in PAYLOADS.items()}


def check_payload(event: ExecutionEvent) -> None:
    """Check an event's data against the model of its kind.

    Raises:
        InvalidEventError: naming the first field that does not fit.
    """
    try:
        # Asked first whether it is one at all, which makes no model and is what is true of every event but the wrong.
        if not _VALIDATORS[event.event_type].isinstance_python(event.data):
            PAYLOADS[event.event_type].model_validate(event.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "data"
        raise InvalidEventError(f"event {event.sequence} ({event.event_type}): {place}: {first['msg']}") from None
    if event.event_type == ExecutionEventType.STEP_FAILED:
        outcomes = [key for key in ("retry", "caught", "final") if event.data.get(key)]
        if len(outcomes) != 1:
            raise InvalidEventError(
                f"event {event.sequence} (step_failed): exactly one of retry, caught and final must be set"
            )
