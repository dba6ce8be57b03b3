"""The header of the execution screen: what it is, its status as a pill, the answer in words, and where one stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import display_text, human_count, human_duration
from dive_tui.app.themes import STATUS_TOKENS
from dive_tui.widgets.events.event_words import TimeFormat, date_text, moment_text
from dive_tui.widgets.parts import Part, part
from dive_tui.widgets.shown_status import DAMAGED, shown_status
from dive_tui.widgets.wait_words import countdown_to, id_words, summary_words
from engine.model.snapshot import ExecutionSummary
from engine.model.state import ExecutionStatus, PathState, open_waits
from engine.replay.history import History

_NAME_CELLS = 32
_NAMED_STEPS = 3
"""How many steps that run at once are named."""


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What the header is made from."""

    execution_id: str
    summary: ExecutionSummary | None
    history: History | None
    sequence: int
    follow: bool
    elapsed: float
    """Seconds from its start to its end, or to now."""
    now: datetime
    time_format: TimeFormat
    loading: tuple[int, int] | None = None
    """Events read of all, while the history is being read."""
    read_only: bool = False
    """Whether the store can only be looked at."""
    with_keys: bool = False
    """Whether the line must also tell where the keys are, since there is no footer."""

    @property
    def total(self) -> int:
        """Events there are."""
        return len(self.history) if self.history is not None else self.summary.last_event_seq if self.summary else 0


def header_parts(facts: HeaderFacts, glyphs: Glyphs) -> list[Part]:
    """The parts of the line, with what may go first."""
    summary = facts.summary
    identity = f"{glyphs.ellipsis}{facts.execution_id[-5:]}"
    if summary is None:
        return [part((identity, "dim")), part(("loading", "dim"), priority=2), *_keys(facts)]
    status = shown_status(summary)
    style = STATUS_TOKENS.get(status, "dim")
    name = display_text(summary.workflow_name, max_cells=_NAME_CELLS)
    made = [
        *([part((name, "bold bright"), priority=3, shrink=8)] if name else []),
        part((identity, "dim"), priority=5, gap=1),
        part((f" {glyphs.status(status)} {status.upper()} ", f"pill {style}"), priority=1),
        *_answer(facts, summary, status, glyphs),
        *_lineage(summary),
    ]
    if facts.read_only:
        made.append(part(("read-only", "waiting"), priority=6))
    started = moment_text(summary.start_time, _clock_format(facts.time_format), exact=False)
    zone = "" if facts.time_format is TimeFormat.LOCAL else " UTC"
    took = human_duration(facts.elapsed)
    made.append(part((f"{started}{zone}", "dim"), priority=9, right=True))
    made.append(part((took, "text"), priority=7, right=True))
    made.append(part(*_position(facts), priority=2, right=True, gap=3))
    at_rest = summary.live is False and status in (ExecutionStatus.WAITING, ExecutionStatus.PAUSED)
    made.append(part(_right_end(facts, status, glyphs), priority=7 if at_rest else 2, right=True))
    return [*made, *_keys(facts)]


def _clock_format(form: TimeFormat) -> TimeFormat:
    return TimeFormat.LOCAL if form is TimeFormat.LOCAL else TimeFormat.UTC


def _keys(facts: HeaderFacts) -> list[Part]:
    if not facts.with_keys:
        return []
    return [part(("?", "bold bright"), (" keys", "dim"), priority=2, right=True, verb="help")]


def _answer(facts: HeaderFacts, summary: ExecutionSummary, status: str, glyphs: Glyphs) -> list[Part]:
    dot = (f" {glyphs.separator} ", "dim")
    if status == DAMAGED:
        return [part((summary.error.partition(": ")[2], "text"), priority=4, shrink=14)]
    if status == "failed":
        kind, _, message = summary.error.partition(": ")
        pieces: list[tuple[str, str]] = [(summary.at_step, "failed"), dot] if summary.at_step else []
        pieces += (
            [(kind, "text"), (f": {message}", "text")] if message else [(summary.error or "no reason given", "text")]
        )
        if summary.attempt > 1:
            pieces += [dot, (f"{summary.attempt} tries", "dim")]
        return [part(*pieces, priority=4, shrink=14)]
    if status in ("completed", "cancelled", "continued"):
        return [part((_size(facts, summary), "dim"), priority=8)]
    if status in (ExecutionStatus.WAITING, ExecutionStatus.PAUSED):
        return _waiting(facts, summary, glyphs)
    where = _standing(facts, summary)
    if status == "interrupted":
        words = f"stopped at {where}: its runner is gone" if where else "its runner is gone"
        return [part((words, "text"), priority=4, shrink=14)]
    return [part((where or "starting", "text"), priority=4, shrink=14)]


def _waiting(facts: HeaderFacts, summary: ExecutionSummary, glyphs: Glyphs) -> list[Part]:
    """What it waits for, until when and how long still, and whether anybody will notice."""
    words = _waits(facts, summary)
    made = [part((words, "text"), priority=3, shrink=10)] if words else []
    left = countdown_to(summary.wake_at, facts.now)
    if left:
        dot = f"{glyphs.separator} " if words else ""
        made.append(part((f"{dot}until {_moment(summary.wake_at or '', facts)}", "dim"), priority=8, gap=1))
        made.append(part((f"({left})", "waiting"), priority=4, gap=1))
    if summary.live is False:
        made.append(part(("nobody drives it", "dim"), priority=9))
    return made


def _waits(facts: HeaderFacts, summary: ExecutionSummary) -> str:
    """Everything it waits for, each once."""
    if facts.history is None:
        return summary_words(summary.waiting_for or "")
    words = list(dict.fromkeys(summary_words(wait.words) for wait in open_waits(facts.history.latest)))
    more = f" and {human_count(len(words) - _NAMED_STEPS)} more" if len(words) > _NAMED_STEPS else ""
    return ", ".join(words[:_NAMED_STEPS]) + more


def _moment(timestamp: str, facts: HeaderFacts) -> str:
    """A time of day, with its date when that is another one."""
    form = _clock_format(facts.time_format)
    today = facts.now.astimezone(None if form is TimeFormat.LOCAL else UTC)
    date = date_text(timestamp, form)[:10]
    time = moment_text(timestamp, form, exact=False)
    return time if date == f"{today:%Y-%m-%d}" else f"{date} {time}"


def _lineage(summary: ExecutionSummary) -> list[Part]:
    """The execution it comes from."""
    lineage = summary.lineage or {}
    words = {"child": "child of", "retry": "retry of", "continue": "goes on from", "migration": "goes on from"}
    if not lineage.get("execution_id"):
        return []
    kind = words.get(str(lineage.get("kind")), "from")
    return [part((f"{kind} {id_words(lineage['execution_id'])}", "dim"), priority=6)]


def _size(facts: HeaderFacts, summary: ExecutionSummary) -> str:
    paths = f"{human_count(summary.path_count)} path{'' if summary.path_count == 1 else 's'}"
    if facts.history is None:
        return paths
    steps = len(facts.history.index.step_starts)
    return f"{human_count(steps)} step{'' if steps == 1 else 's'} on {paths}"


def _standing(facts: HeaderFacts, summary: ExecutionSummary) -> str:
    """The steps that run now, of an each with how far it is."""
    paths = list(facts.history.latest.paths.values()) if facts.history is not None else []
    if not paths:
        return summary.at_step
    named = [_step(path) for path in paths[-_NAMED_STEPS:]]
    more = f" and {human_count(len(paths) - _NAMED_STEPS)} more" if len(paths) > _NAMED_STEPS else ""
    return ", ".join(named) + more


def _step(path: PathState) -> str:
    each = path.each
    return f"{path.current_step} {human_count(each.done)}/{human_count(len(each.items))}" if each else path.current_step


def _position(facts: HeaderFacts) -> list[tuple[str, str]]:
    if facts.loading is not None:
        loaded, total = facts.loading
        return [(f"loading {human_count(loaded)} of {human_count(total)}", "dim")]
    if facts.history is None:
        return [(f"{human_count(facts.total)} events", "dim")]
    behind = facts.sequence < facts.total
    return [(human_count(facts.sequence), "bold bright" if behind else "text"), (f"/{human_count(facts.total)}", "dim")]


def _right_end(facts: HeaderFacts, status: str, glyphs: Glyphs) -> tuple[str, str]:
    """`live` while it runs and is followed, the number of new events while one stands behind, else how it stands."""
    if status == "interrupted":
        return f"{glyphs.interrupted} interrupted", "waiting"
    if facts.summary is None or facts.summary.live is None:
        return f"{glyphs.ended} ended", "dim"
    new = facts.total - facts.sequence
    if facts.summary.live is False and not new:
        return f"{glyphs.pending} at rest", "dim"
    if facts.follow or facts.history is None:
        return f"{glyphs.live} live", "running"
    return (f"{glyphs.down} {human_count(new)} new", "accent") if new else (f"{glyphs.live} live, holding", "dim")
