"""Whatever the engine records, with deaths and messages in between, its definition leads to, and to nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.events import ExecutionEvent
from engine.model.workflow import Workflow
from engine.replay.determinism import check_history
from engine.replay.history import History
from tests.lifecycle.driven import Crash, Message, drive
from tests.lifecycle.generated import crashes, definitions, messages

GIVEN = ("execution_started", "signal_received", "execution_recovered")


@settings(max_examples=settings.default.max_examples * 3)
@given(definition=definitions(), sent=messages, dying=crashes)
def test_every_history_fits_its_definition(definition: dict[str, Any], sent: list[Message], dying: list[Crash]) -> None:
    ran = drive(definition, messages=sent, crashes=dying)
    for execution_id, events in ran.histories.items():
        result = check_history(History(execution_id, events))
        assert (result.mismatches, result.warnings) == ([], [])
        assert result.checked == sum(event.event_type not in GIVEN for event in events)


Data = dict[str, Any]


def _other_edges(data: Data) -> Data:
    return {**data, "edges": [*data["edges"], {"step": "A", "value": True}]}


ALTERED: dict[str, Callable[[Data], Data]] = {
    "path_started": lambda data: {**data, "current_step": f"{data['current_step']}?"},
    "step_started": lambda data: {**data, "step_params": {"nobody": "asked"}},
    "step_completed": _other_edges,
    "step_failed": lambda data: {**data, "retry": not data.get("retry")},
    "step_retry_scheduled": lambda data: {**data, "delay_ms": data["delay_ms"] + 1},
    "step_waiting": lambda data: {**data, "topic": "other"},
    "path_branched": lambda data: {**data, "new_paths": data["new_paths"][:-1]},
    "path_joined": lambda data: {**data, "variables": {"nobody": "wrote"}},
    "path_completed": lambda data: {**data, "reason": "end" if data["reason"] == "no_edge" else "no_edge"},
    "path_failed": lambda data: {**data, "caused_by": data["caused_by"] + 1},
    "path_cancelled": lambda data: {**data, "final_step": "?"},
    "execution_completed": lambda data: {**data, "outputs": {"nobody": "asked"}},
    "execution_failed": lambda data: {**data, "error_type": "Other"},
}
"""Something else that could have been decided."""


@settings(max_examples=settings.default.max_examples * 3)
@given(definition=definitions(), sent=messages, drawn=st.data())
def test_an_altered_decision_is_the_first_mismatch(
    definition: dict[str, Any], sent: list[Message], drawn: st.DataObject
) -> None:
    ran = drive(definition, messages=sent)
    events: list[ExecutionEvent] = list(ran.events)
    kind = drawn.draw(st.sampled_from(sorted({event.event_type for event in events} & set(ALTERED))))
    chosen = drawn.draw(st.sampled_from([event for event in events if event.event_type == kind]))
    events[chosen.sequence - 1] = chosen._replace(data=ALTERED[kind](dict(chosen.data)))
    history = History(ran.result.id, events)
    result = check_history(history)
    if history.folded < chosen.sequence:
        assert history.problem is not None and history.problem in result.warnings[0]
    else:
        assert [mismatch.sequence for mismatch in result.mismatches] == [chosen.sequence]
        assert result.mismatches[0].recorded["event_type"] == kind


@settings(max_examples=settings.default.max_examples)
@given(definition=definitions(), other=definitions(), sent=messages)
def test_any_definition_can_be_asked_about_any_history(
    definition: dict[str, Any], other: dict[str, Any], sent: list[Message]
) -> None:
    for execution_id, events in drive(definition, messages=sent).histories.items():
        result = check_history(History(execution_id, events), Workflow.model_validate(other))
        assert len(result.mismatches) <= 1
        for mismatch in result.mismatches:
            assert str(mismatch)
            assert mismatch.to_dict()["recorded"]["event_type"] == events[mismatch.sequence - 1].event_type
