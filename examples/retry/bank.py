"""A bank whose line is bad: the first two calls fail."""

from __future__ import annotations

from dive_tui import ActionContext, action


class TooManyRequests(Exception):
    """The bank wants to be left alone; `details` says for how many seconds."""

    def __init__(self, patience: float) -> None:
        super().__init__(f"ask again in {patience:g} s")
        self.details = {"patience": patience}


@action(effects="reads")
async def exchange_rate(currency: str, context: ActionContext) -> float:
    """What one unit of a currency costs in dollars.

    Raises:
        ConnectionError: the line is bad.
    """
    if context.attempt < 3:
        raise ConnectionError("the line is bad")
    return {"EUR": 1.09, "GBP": 1.27}[currency]
