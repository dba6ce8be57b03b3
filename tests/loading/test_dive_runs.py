"""What loads from a Dive file also runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.lifecycle.engine import Engine
from tests.loading.diveflows import BRANCHING, LOOP, dive, only

GREET = """\
Name: Greet
Inputs: [{Name: people, Type: list, Default: [Ann, Bob]}, {Name: n, Type: int, Default: -7}]
Output: {Name: now}
Steps:
  - Name: Hello
    Each: {Items: "$(inputs.people)", As: person}
    Action: Print
    Parameters: {Message: "Hello ${person}, you owe $${n % 4}"}
    Store: said
  - Name: Now
    Action: Time.Now
    Store: now
    Next:
      - {Step: A, Condition: "now.contains('T') && n < 3"}
      - {Step: B, Condition: "$(len(said) == 2)"}
      - {Step: C, Condition: now == nil}
  - {Name: A, Action: Print, Parameters: {Message: "'A'"}, End: true}
  - {Name: B, Action: Print, Parameters: {Message: "'B'"}, End: true}
  - {Name: C, Action: Print, Parameters: {Message: "'C'"}}
"""


async def test_a_workflow_with_each_and_a_fork(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine()
    result = await engine.run(only(GREET))
    assert result.status == "completed"
    assert set(result.outputs or {}) == {"now"}
    history = await engine.store.get_event_history(result.id)
    started = [event.step_name for event in history if event.event_type == "step_started"]
    assert sorted(set(map(str, started))) == ["A", "B", "Hello", "Now"]
    logs = [event.data["log"] for event in history if event.data.get("log")]
    assert sorted(logs) == ["'A'\n", "'B'\n", "Hello Ann, you owe $-3\n", "Hello Bob, you owe $-3\n"]


async def test_a_workflow_with_scripts_and_a_loop(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine()
    result = await engine.run(only(LOOP))
    assert result.status == "completed", result.error
    history = await engine.store.get_event_history(result.id)
    logs = [event.data["log"] for event in history if event.data.get("log")]
    assert logs == [*(f"{n} Hello Ann!\n" for n in ("1", "${x}", "")), "2 done\n"]


@pytest.mark.parametrize(("severity", "ended"), [(9, ["Page", "Log"]), (3, ["Log", "Close"])])
async def test_a_workflow_that_branches(make_engine: Callable[..., Engine], severity: int, ended: list[str]) -> None:
    engine = make_engine()
    result = await engine.run(only(BRANCHING), {"severity": severity})
    assert result.status == "completed", result.error
    history = await engine.store.get_event_history(result.id)
    finals = [event.data["final_step"] for event in history if event.event_type == "path_completed"]
    assert sorted(finals[-2:]) == sorted(ended)


async def test_a_step_that_asks_an_agent_with_tools_fails(make_engine: Callable[..., Engine]) -> None:
    loaded = dive(
        "Name: E\nAgents: [{Name: A, Model: m, Tools: [T]}]\nWorkflows: [{Name: W, Steps: [{Name: S, Prompt: hi}]}]\n"
    )
    result = await make_engine().run(loaded.workflows[0])
    assert result.status == "failed"
    assert result.error is not None
    assert "needs tools that are not offered here" in result.error["message"]
