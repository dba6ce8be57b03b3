"""An agent that answers what a test says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.runtime.agents import AgentReply, AgentRequest

Answers = Iterable[Any] | Mapping[str, Any] | Callable[[AgentRequest], Any]


class ScriptedAgent:
    """Answers prompts from a list, by prompt, or with a function, and remembers every request in `requests`.

    An answer is an output, an `AgentReply`, or an exception, which is raised. Without a usage of its own each answer
    counts one request and its words as tokens.
    """

    def __init__(self, answers: Answers, *, fail_at: Mapping[int, BaseException] | None = None) -> None:
        """`answers`: one per request in order, by exact prompt, or a (possibly async) function of the request.

        `fail_at` says which requests, counted from 1, raise what; they use up no answer of a list.
        """
        if isinstance(answers, str):
            raise TypeError("give the answers as a list; a text alone would be answered letter by letter")
        self.requests: list[AgentRequest] = []
        self._fail_at = dict(fail_at or {})
        self._answers: Mapping[str, Any] | Callable[[AgentRequest], Any] | list[Any]
        self._answers = answers if isinstance(answers, Mapping) or callable(answers) else list(answers)
        self._given = 0

    async def respond(self, request: AgentRequest) -> AgentReply:
        """The answer that is due.

        Raises:
            LookupError: there is none for this request.
            BaseException: the one that was asked for.
        """
        self.requests.append(request)
        failure = self._fail_at.get(len(self.requests))
        answer = failure if failure is not None else await self._answer(request)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, AgentReply):
            return answer
        asked = " ".join([request.prompt, *map(str, request.content)])
        usage = {"requests": 1, "input_tokens": _words(asked), "output_tokens": _words(str(answer))}
        return AgentReply(answer, usage)

    async def _answer(self, request: AgentRequest) -> Any:
        answers = self._answers
        if isinstance(answers, Mapping):
            if request.prompt not in answers:
                raise LookupError(f"no answer to the prompt {request.prompt!r}")
            return answers[request.prompt]
        if callable(answers):
            answer = answers(request)
            return await answer if inspect.isawaitable(answer) else answer
        if self._given == len(answers):
            raise LookupError(f"there are {len(answers)} answers, and none for request {len(self.requests)}")
        self._given += 1
        return answers[self._given - 1]


def _words(text: str) -> int:
    return len(text.split())
