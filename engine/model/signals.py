"""Messages to an execution: signals for its workflow, and what a person asks of it."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from engine.model.events import JsonObject

MessageKind = Literal["signal", "pause", "resume", "cancel", "wake"]
KINDS: tuple[MessageKind, ...] = ("signal", "pause", "resume", "cancel", "wake")
LONGEST_TOPIC = 200
_ID = re.compile(r"signal_[A-Za-z0-9_-]{1,100}\Z")


class InvalidSignalError(ValueError):
    """A message that no inbox takes; the sentence says why."""


class ExecutionSignal(NamedTuple):
    """One message. Only the owner of an execution writes its history; everybody else writes to its inbox."""

    id: str
    """`signal_` and a typeid, given by the sender: the same id again is the same message."""
    kind: MessageKind
    sent_at: str
    """UTC, RFC 3339."""
    topic: str = ""
    """Of a signal: the topic its workflow waits for. Empty for the other kinds."""
    data: Any = None
    """JSON. Of a signal what the waiting step gives as its output, else `{reason}`."""
    sender: str = ""
    ordinal: int = 0
    """Its place in the inbox, from 1, given by the store; 0 before it is sent."""

    def validate(self) -> None:
        """Check what a store relies on.

        Raises:
            InvalidSignalError: an id, kind or topic that cannot be.
        """
        if not _ID.match(self.id):
            raise InvalidSignalError(f"{self.id[:60]!r} is not the id of a signal")
        if self.kind not in KINDS:
            raise InvalidSignalError(f"{self.kind!r} is no kind of message; there are {', '.join(KINDS)}")
        if (self.kind == "signal") != bool(self.topic):
            raise InvalidSignalError("a signal needs a topic, and nothing else has one")
        if self.topic.startswith("$"):
            raise InvalidSignalError("a topic must not begin with '$'")
        if len(self.topic) > LONGEST_TOPIC:
            raise InvalidSignalError(f"a topic must not be longer than {LONGEST_TOPIC} characters")

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return self._asdict()

    @classmethod
    def from_dict(cls, record: JsonObject) -> ExecutionSignal:
        """The message a decoded JSON object stands for; keys it does not know are ignored.

        Raises:
            InvalidSignalError: a field is missing or wrong.
        """
        try:
            signal = cls(**{name: record[name] for name in cls._fields if name in record})
            signal.validate()
        except TypeError as error:
            raise InvalidSignalError(f"a message has the wrong fields ({error})") from None
        return signal
