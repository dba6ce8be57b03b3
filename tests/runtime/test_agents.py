from __future__ import annotations

import asyncio
import importlib.util
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai import RunContext, models
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

from engine.core.settle import Outcome
from engine.runtime.agents import Agent, AgentError, AgentReply, AgentRequest, as_agent, run_prompt
from engine.runtime.config import PersistenceConfig
from engine.runtime.pydantic_ai_agent import MissingPackageError, PydanticAIAgent
from engine.testing.agents import ScriptedAgent
from engine.testing.ports import FakeClock


@pytest.fixture(autouse=True)
def no_model_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "ALLOW_MODEL_REQUESTS", False)


async def ask(
    agent: Any, request: AgentRequest | str = "hello", timeout: float | None = None, **config: int
) -> Outcome:
    if isinstance(request, str):
        request = AgentRequest(request)
    limits = PersistenceConfig(**config)
    return await run_prompt(as_agent(agent), request, clock=FakeClock(tick=0.0), config=limits, timeout=timeout)


class Failing:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def respond(self, request: AgentRequest) -> AgentReply:
        raise self.error


class Answering:
    def __init__(self, reply: Any) -> None:
        self.reply = reply

    async def respond(self, request: AgentRequest) -> AgentReply:
        return self.reply  # type: ignore[no-any-return]


async def test_functions_of_the_prompt_are_agents() -> None:
    async def later(prompt: str) -> str:
        return prompt.upper()

    def thread_of(prompt: str) -> bool:
        return threading.current_thread() is threading.main_thread()

    assert (await ask(str.upper)).output == "HELLO"
    assert (await ask(later)).output == "HELLO"
    assert (await ask(lambda prompt: later(prompt))).output == "HELLO"
    assert (await ask(thread_of)).output is False
    assert (await ask(lambda prompt: {"words": [prompt]})).output == {"words": ["hello"]}
    replied = await ask(lambda prompt: AgentReply(1, {"requests": 2}))
    assert (replied.output, replied.usage) == (1, {"requests": 2})


def test_what_is_no_agent_is_refused() -> None:
    scripted = ScriptedAgent([])
    assert as_agent(scripted) is scripted
    assert isinstance(scripted, Agent)
    with pytest.raises(AgentError, match=r"a int is no agent: it has no respond\(\) and is no function"):
        as_agent(3)  # type: ignore[arg-type]
    with pytest.raises(AgentError, match="ScriptedAgent is a class; give an instance of it as the agent"):
        as_agent(ScriptedAgent)


async def test_an_answer_is_recorded_as_json_with_its_usage_and_log() -> None:
    class Verdict(BaseModel):
        good: bool

    class Loud:
        async def respond(self, request: AgentRequest) -> AgentReply:
            logging.getLogger("agent").warning("thinking about %s", request.prompt)
            return AgentReply(Verdict(good=True), {"requests": 1, "input_tokens": 3, "output_tokens": 4})

    def printing(prompt: str) -> str:
        print("asked", prompt)
        return "ok"

    loud = await ask(printing)
    assert (loud.log, loud.output) == ("asked hello\n", "ok")
    outcome = await ask(Loud())
    assert outcome.output == {"good": True}
    assert outcome.usage == {"requests": 1, "input_tokens": 3, "output_tokens": 4}
    assert outcome.error_type == ""


@pytest.mark.parametrize(
    ("usage", "recorded"),
    [
        (None, None),
        ({}, None),
        ({"requests": 1, "cost": 3}, {"requests": 1}),
        ({"requests": True, "input_tokens": -1, "output_tokens": 2}, {"output_tokens": 2}),
        ({"requests": 2**63}, None),
        ("many", None),
    ],
)
async def test_a_wrong_count_does_not_cost_the_answer(usage: Any, recorded: Any) -> None:
    outcome = await ask(Answering(AgentReply("fine", usage)))
    assert (outcome.output, outcome.usage) == ("fine", recorded)


@pytest.mark.parametrize(
    ("error", "error_type", "known"),
    [
        (ValueError("too hard"), "ValueError", True),
        (ConnectionError("reset"), "ConnectionError", False),
        (TimeoutError("theirs"), "TimeoutError", False),
        (SystemExit("bye"), "SystemExit", True),
        (asyncio.CancelledError(), "CancelledError", False),
    ],
)
async def test_what_an_agent_raises_is_the_outcome(error: BaseException, error_type: str, known: bool) -> None:
    outcome = await ask(Failing(error), timeout=60)
    assert (outcome.error_type, outcome.known, outcome.phase) == (error_type, known, "run")
    assert outcome.error == (str(error) or error_type)
    assert "raise self.error" in outcome.traceback
    assert "run_prompt" not in outcome.traceback


@pytest.mark.parametrize(
    ("reply", "error_type", "words"),
    [
        (AgentReply({1, 2}), "NotJson", "output is a set"),
        (AgentReply("x" * 2_000), "PayloadTooLarge", "2,002 bytes"),
        ("text", "TypeError", "respond() returned a str, not an AgentReply"),
        (None, "TypeError", "returned a NoneType"),
    ],
)
async def test_an_answer_that_cannot_be_recorded(reply: Any, error_type: str, words: str) -> None:
    outcome = await ask(Answering(reply), max_payload=1_000)
    assert (outcome.error_type, outcome.phase, outcome.output) == (error_type, "output", None)
    assert words in outcome.error


async def test_tokens_of_an_answer_that_is_refused_are_still_counted() -> None:
    outcome = await ask(Answering(AgentReply({1}, {"requests": 1})))
    assert (outcome.error_type, outcome.usage) == ("NotJson", {"requests": 1})


class Unreadable(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        raise RuntimeError("do not look")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("do not look")

    def __len__(self) -> int:
        return 1


async def test_an_answer_that_breaks_when_it_is_looked_at() -> None:
    outcome = await ask(Answering(AgentReply(Unreadable(), {"requests": 1})))
    assert (outcome.error_type, outcome.error, outcome.phase) == ("RuntimeError", "do not look", "output")
    assert outcome.usage == {"requests": 1}


async def test_time_that_is_over_cancels_the_agent() -> None:
    cancelled = asyncio.Event()

    class Slow:
        async def respond(self, request: AgentRequest) -> AgentReply:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            raise AssertionError

    outcome = await ask(Slow(), timeout=0.01)
    assert (outcome.error_type, outcome.error, outcome.known) == ("Timeout", "no answer within 0.01 s", False)
    assert cancelled.is_set()


async def test_cancelling_the_attempt_cancels_the_agent() -> None:
    started = asyncio.Event()

    class Slow:
        async def respond(self, request: AgentRequest) -> AgentReply:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

    task = asyncio.create_task(ask(Slow()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_agent_gets_a_copy_and_a_request_that_is_no_json_is_refused() -> None:
    class Spoiling:
        async def respond(self, request: AgentRequest) -> AgentReply:
            request.content.append("more")
            request.settings["x"] = 1
            return AgentReply(request.context)

    request = AgentRequest("p", ["a"], "the context", {"t": 0.5})
    assert (await ask(Spoiling(), request)).output == "the context"
    assert (request.content, request.settings) == (["a"], {"t": 0.5})
    refused = await ask(Spoiling(), AgentRequest("p", [{1}]))
    assert (refused.error_type, refused.phase) == ("NotJson", "parameters")


async def test_a_scripted_agent_answers_from_a_list_a_mapping_or_a_function() -> None:
    listed = ScriptedAgent(["one", AgentReply(2, {"requests": 5}), ValueError("third")], fail_at={2: OSError("down")})
    outcomes = [await ask(listed, f"prompt {n}") for n in range(1, 6)]
    assert [outcome.output for outcome in outcomes] == ["one", None, 2, None, None]
    assert [outcome.error for outcome in outcomes] == [
        "", "down", "", "third", "there are 3 answers, and none for request 5",
    ]  # fmt: skip
    assert outcomes[0].usage == {"requests": 1, "input_tokens": 2, "output_tokens": 1}
    assert outcomes[2].usage == {"requests": 5}
    assert [request.prompt for request in listed.requests] == [f"prompt {n}" for n in range(1, 6)]

    mapped = ScriptedAgent({"a": "A"})
    assert (await ask(mapped, "a")).output == "A"
    assert (await ask(mapped, "b")).error == "no answer to the prompt 'b'"

    async def echo(request: AgentRequest) -> Any:
        return [request.prompt, *request.content]

    assert (await ask(ScriptedAgent(echo), AgentRequest("p", ["c"]))).output == ["p", "c"]
    assert (
        await ask(ScriptedAgent(lambda request: request.settings), AgentRequest("p", [], None, {"s": 1}))
    ).output == {"s": 1}
    with pytest.raises(TypeError, match="as a list"):
        ScriptedAgent("abc")


async def test_a_model_of_pydantic_ai_answers() -> None:
    outcome = await ask(PydanticAIAgent(TestModel(custom_output_text="hi there")))
    assert outcome.output == "hi there"
    assert outcome.usage is not None
    assert outcome.usage["requests"] == 1
    assert outcome.usage["input_tokens"] > 0
    assert outcome.usage["output_tokens"] > 0


async def test_a_model_sees_instructions_content_and_settings() -> None:
    seen: dict[str, Any] = {}

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        request: Any = messages[-1]
        seen["instructions"], seen["settings"] = info.instructions, info.model_settings
        seen["prompt"] = request.parts[-1].content
        return ModelResponse(parts=[TextPart("done")])

    settings = {"temperature": 0.9, "max_tokens": 5}
    agent = PydanticAIAgent(FunctionModel(answer), instructions="Be kind.", settings=settings)
    outcome = await ask(agent, AgentRequest("Sum up", ["text", {"n": 1}], None, {"temperature": 0.1}))
    assert outcome.output == "done"
    assert seen["prompt"] == ["Sum up", "text", '{"n":1}']
    assert seen["instructions"] == "Be kind."
    assert seen["settings"] == {"temperature": 0.1, "max_tokens": 5}
    await ask(agent, "Alone")
    assert seen["prompt"] == "Alone"


async def test_an_agent_of_pydantic_ai_keeps_its_output_type_and_gets_the_context() -> None:
    class City(BaseModel):
        name: str

    own: Any = PydanticAgent(TestModel(custom_output_args={"name": "Paris"}), output_type=City, deps_type=str)
    contexts = []

    @own.instructions
    def remember(context: RunContext[str]) -> str:
        contexts.append(context.deps)
        return "x"

    outcome = await ask(PydanticAIAgent(own), AgentRequest("where", [], "the context"))
    assert outcome.output == {"name": "Paris"}
    assert contexts == ["the context"]


async def test_a_model_that_would_go_online_fails_its_attempt() -> None:
    outcome = await ask(PydanticAIAgent("test:nothing"))
    assert outcome.error_type != ""
    assert outcome.error


def test_without_the_package_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError) as caught:
        PydanticAIAgent("openai:gpt-5")
    assert str(caught.value) == "PydanticAIAgent needs the package pydantic-ai: pip install 'dive-tui[agents]'"


def test_the_package_is_loaded_with_the_first_request_only() -> None:
    code = (
        "import sys; from engine.runtime.pydantic_ai_agent import PydanticAIAgent; PydanticAIAgent('test');"
        "assert not [m for m in sys.modules if m.startswith('pydantic_ai')]"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
