"""Two agents that know a little and need no network. Any function of a prompt is an agent."""

from __future__ import annotations

from engine.runtime.agents import AgentReply, AgentRequest

FACTS = {"tides": "High tide comes twice a day.", "lighthouses": "The light can be seen for twenty miles."}


def researcher(prompt: str) -> str:
    """Notes on the topic a question is about."""
    return next((fact for topic, fact in FACTS.items() if topic in prompt), "Nothing is known about that.")


class Writer:
    """Puts notes together, and shortens what is too long."""

    async def respond(self, request: AgentRequest) -> AgentReply:
        """The notes as one text, or the first sentence of a prompt that asks to shorten."""
        if request.prompt.startswith("Shorten"):
            text = request.prompt.partition(": ")[2].partition(".")[0] + "."
        else:
            text = " ".join(note for notes in request.content for note in notes)
        return AgentReply(text, {"requests": 1, "output_tokens": len(text.split())})


writer = Writer()
