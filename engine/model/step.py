"""One node of the graph: what it does, what becomes of its errors, and where its path goes next."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.model.durations import parse_duration

Name = Annotated[str, Field(min_length=1, max_length=200)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
StepKind = Literal["action", "prompt", "script", "wait_signal", "sleep", "join", "workflow", "pass"]
STEP_KINDS: tuple[StepKind, ...] = ("action", "prompt", "script", "wait_signal", "sleep", "join", "workflow", "pass")
FAIL = "fail"
"""What `on_timeout` says to fail; anything else is the name of a step."""


class Definition(BaseModel):
    """Base of all parts of a definition: immutable, and an unknown key is an error."""

    # NaN must not turn into null on its way into a history: it is refused there.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, ser_json_inf_nan="constants")


def _duration(value: str | float) -> str | float:
    seconds = parse_duration(value) if isinstance(value, str) else value
    if not 0 <= seconds <= parse_duration("36500d"):
        raise ValueError("a duration must not be negative or longer than a hundred years")
    return value


Duration = Annotated[str | float, AfterValidator(_duration)]
"""`250ms`, `10s`, `1h30m`, or seconds as a number."""


def seconds_of(duration: str | float) -> float:
    """The seconds of a duration that was checked."""
    return parse_duration(duration) if isinstance(duration, str) else float(duration)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, (str, dict, BaseModel)) else value


Names = Annotated[tuple[Name, ...], BeforeValidator(_listed)]


class Edge(Definition):
    """Where a path may go after a step. A true edge with a `path` name, or a second true edge, forks."""

    step: Name
    condition: str | None = None
    path: Variable | None = None


def _edge(value: Any) -> Any:
    return {"step": value} if isinstance(value, str) else value


class Each(Definition):
    """Run the step once per item; the item is visible under the name `as`."""

    items: Any
    """A list, or a template that gives one."""
    as_: Annotated[Variable, Field(alias="as")] = "item"
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Items in flight at once."""
    on_item_failure: Literal["fail", "collect"] = "fail"
    """`collect` puts `{"$error": {...}}` in the place of an item that failed and goes on."""


class RetryPolicy(Definition):
    """When a failed attempt is followed by another one, and how long after it."""

    max_attempts: Annotated[int, Field(ge=1, le=1_000_000)] = 3
    """With the first one. Each policy of a step counts only the attempts it decides about."""
    initial_delay: Duration = 1.0
    backoff_multiplier: Annotated[float, Field(ge=1, le=1000)] = 2.0
    max_backoff: Duration | None = None
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The share of each delay that is left to chance: 0.2 gives 80 to 100 percent of it."""
    errors: Names = ("*",)
    """Types of the errors it is for; `*` stands for all."""
    non_retryable_errors: Names = ()
    condition: str | None = None
    """An expression over `error` (`{type, message, attempt, data}`), `inputs` and `state`."""


class Catch(Definition):
    """Where the path goes after an error of these types that nothing retries any more."""

    errors: Names = ("*",)
    step: Name
    store: Variable | None = None
    """The variable that receives `{type, message, step, attempt, data}`."""


_ITEMWISE = frozenset({"action", "prompt", "script", "workflow"})
_ONLY_FOR: dict[str, frozenset[str]] = {
    "parameters": frozenset({"action", "workflow"}),
    "agent": frozenset({"prompt"}),
    "content": frozenset({"prompt"}),
    "on_timeout": frozenset({"wait_signal", "join", "workflow"}),
    "count": frozenset({"join"}),
    "mappings": frozenset({"join"}),
    "rest": frozenset({"join"}),
    "detached": frozenset({"workflow"}),
    "each": _ITEMWISE,
    "retry": _ITEMWISE,
    "timeout_total": _ITEMWISE,
    "timeout": _ITEMWISE | {"wait_signal", "join"},
}
"""Keys that mean something for some kinds of steps only."""


class Step(Definition):
    """One node of the graph. Its kind is the one of `action`, `prompt`, ... that is present, or `type`."""

    name: Name
    type: StepKind | None = None
    action: Name | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Of an action, or the inputs of a child workflow; rendered before every attempt."""
    prompt: str | None = None
    agent: Name | None = None
    content: tuple[Any, ...] = ()
    """More that the agent is shown; templates."""
    script: str | None = None
    wait_signal: str | None = None
    """The topic, a template."""
    sleep: Any = None
    """A duration, or a template that gives one."""
    join: Names | None = None
    """Names of the paths it waits for; none means all paths of the fork."""
    count: Annotated[int, Field(ge=1)] | None = None
    """How many of them are enough; by default all that were started."""
    mappings: dict[str, Variable] = Field(default_factory=dict)
    """From `path.variable` to the name it gets after the join."""
    rest: Literal["continue", "cancel"] = "continue"
    """What becomes of the paths a join did not need."""
    workflow: Name | None = None
    """The child workflow it runs."""
    detached: bool = False
    """Start the child and go on without waiting for it."""
    pass_: Annotated[Literal[True] | None, Field(alias="pass")] = None

    store: Variable | dict[Variable, Name] | None = None
    """The variable of the path that receives the output (with `each`: the list of outputs), or from variables to
    the keys of the output they receive."""
    each: Each | None = None
    next: tuple[Annotated[Edge, BeforeValidator(_edge)], ...] | None = None
    """Edges; left out, the path goes on to the next listed step."""
    edge_matching: Literal["all", "first"] = "all"
    """Whether every true edge is taken, or the first one only."""
    end: bool = False
    retry: Annotated[tuple[RetryPolicy, ...], BeforeValidator(_listed)] = ()
    catch: Annotated[tuple[Catch, ...], BeforeValidator(_listed)] = ()
    timeout: Duration | None = None
    """Of one attempt (with `each`: of one item's); of a wait for a signal, a join or a child: of the wait."""
    timeout_total: Duration | None = None
    """Of all attempts of a unit with the delays between them."""
    on_timeout: Name = FAIL
    """`fail`, or the step the path goes to when the wait has lasted too long."""

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, values: Any) -> Any:
        """`topic` and `paths` are what a step with a `type` calls what it waits for."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        for key, kind in (("topic", "wait_signal"), ("paths", "join")):
            if key in values and values.get("type") == kind and kind not in values:
                values[kind] = values.pop(key)
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Step:
        if self.end and self.next:
            raise ValueError("a step has either 'end: true' or 'next', not both")
        present = [kind for kind in STEP_KINDS if self._has(kind)]
        if self.type is None and len(present) != 1:
            found = " and ".join(repr(kind) for kind in present)
            one = f"exactly one of {', '.join(STEP_KINDS)}"
            raise ValueError(f"a step has {one}" + (f", not {found}" if present else ""))
        if self.type is not None and present not in ([self.type], [] if self.type in ("pass", "join") else [self.type]):
            raise ValueError(f"a step of type {self.type!r} needs {self.type!r} and nothing else like it")
        if self.type in _ITEMWISE | {"sleep", "wait_signal"} and not present:
            raise ValueError(f"a step of type {self.type!r} needs {self.type!r}")
        for key, kinds in _ONLY_FOR.items():
            if key in self.model_fields_set and self.kind not in kinds:
                raise ValueError(f"{key!r} means nothing for a step with {self.kind!r}")
        if isinstance(self.store, dict) and self.each is not None:
            raise ValueError("with 'each' the output is a list; 'store' needs the name of one variable")
        return self

    def _has(self, kind: str) -> bool:
        return getattr(self, "pass_" if kind == "pass" else kind) is not None

    @property
    def kind(self) -> StepKind:
        """What it does."""
        if self.type is not None:
            return self.type
        return next(kind for kind in STEP_KINDS if self._has(kind))

    @property
    def targets(self) -> list[str]:
        """Names of the steps it can lead to beside its `next` edges: after a caught error or a timeout."""
        caught = [catch.step for catch in self.catch]
        return caught if self.on_timeout == FAIL else [*caught, self.on_timeout]
