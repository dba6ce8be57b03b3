"""The actions of the order example: ordinary functions, marked with `@action`."""

from __future__ import annotations

import asyncio
import logging

from dive_tui import action

LIMIT = 100.0
log = logging.getLogger(__name__)


class CardDeclined(Exception):
    """The bank said no."""


@action
def validate_order(amount: float, items: list[str]) -> dict[str, object]:
    """Check an order and add the fee; returns `{total, items}`."""
    if not items:
        raise ValueError("an order needs at least one item")
    return {"total": round(amount * 1.02, 2), "items": len(items)}


@action
async def reserve(item: str) -> dict[str, str]:
    """Put an item aside; returns `{item, shelf}`."""
    await asyncio.sleep(0.05)
    return {"item": item, "shelf": f"A{len(item)}"}


@action
async def charge(amount: float, currency: str) -> dict[str, object]:
    """Charge the card; returns `{amount, reference}`.

    Raises:
        CardDeclined: the amount is above the card's limit.
    """
    log.info("POST /charge amount=%s currency=%s", amount, currency)
    await asyncio.sleep(0.2)
    if amount > LIMIT:
        raise CardDeclined(f"insufficient funds for {amount} {currency}")
    return {"amount": amount, "reference": "ch_4711"}
