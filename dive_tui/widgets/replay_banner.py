"""The line that says that one looks at the past: where, how fast, and why it stopped here."""

from __future__ import annotations

from dataclasses import dataclass

from dive_tui.app.text import human_count
from dive_tui.widgets.events.event_words import elapsed_text
from dive_tui.widgets.parts import PartsLine, part


@dataclass(frozen=True, slots=True)
class ReplayFacts:
    """What the line is made from."""

    sequence: int
    total: int
    seconds: float
    """Of the event at the cursor, since the first."""
    duration: float
    speed: str
    playing: bool
    stopped: str = ""
    """Why the cursor is here: `stopped at breakpoint 2`."""
    scanned: tuple[int, int] | None = None
    """While a scan runs: events looked at, of how many."""


class ReplayBanner(PartsLine):
    """`◄◄ REPLAY  event 187/189  +12.37s of +12.38s  speed 4x  stopped at breakpoint 2`; not there outside replay."""

    DEFAULT_CSS = """
    ReplayBanner {
        background: $surface;
        color: $foreground;
        display: none;
    }
    """

    def show(self, facts: ReplayFacts) -> None:
        """Say where the replay is."""
        glyphs = self.glyphs
        made = [
            part((f" {glyphs.replay} REPLAY ", "pill replay")),
            part(
                ("event ", "dim"),
                (human_count(facts.sequence), "bold replay"),
                (f"/{human_count(facts.total)}", "dim"),
                priority=2,
            ),
            part((elapsed_text(facts.seconds), "replay"), (f" of {elapsed_text(facts.duration)}", "dim"), priority=4),
            part(
                (
                    f"{glyphs.started} playing " if facts.playing else "speed ",
                    "bold replay" if facts.playing else "dim",
                ),
                (facts.speed, "replay"),
                priority=3,
            ),
        ]
        if facts.scanned is not None:
            done, total = facts.scanned
            share = f"{done * 100 // total}%" if total else ""
            looked = f"{human_count(done)} of {human_count(total)} events"
            made.append(part(("looking for a stop ", "running"), (share, "bold running"), priority=2))
            made.append(part((looked, "dim"), priority=6))
            made.append(part(("esc", "bold bright"), (" stops it", "dim"), right=True, priority=3, verb="escape"))
        else:
            if facts.stopped:
                made.append(part((facts.stopped, "bold replay"), priority=3, shrink=12))
            made.append(part(("L", "bold bright"), (" live", "dim"), right=True, priority=7, verb="go_live"))
        self.set_parts(made)
        self.display = True

    def hide(self) -> None:
        """It is the present again."""
        self.display = False
