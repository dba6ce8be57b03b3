"""The actions of the invoice example; the services they would ask are pretended."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from dive_tui import action

LIMIT = 1000.0
RATES = {"EUR": 1.0, "USD": 1.08, "GBP": 0.86}
log = logging.getLogger(__name__)


class CardDeclined(Exception):
    """The bank said no."""


@action(effects="reads")
async def exchange_rate(currency: str) -> dict[str, Any]:
    """Ask what one euro costs; returns `{currency, rate}`.

    With `RATES=percent` in the environment the service has changed overnight what it answers, and nobody was told.
    """
    await asyncio.sleep(0.08)
    rate = RATES[currency]
    return {"currency": currency, "rate": rate * 100 if os.environ.get("RATES") == "percent" else rate}


@action
async def price_line(line: dict[str, Any], rate: float) -> dict[str, Any]:
    """Convert one line; `line` is `{item, price, quantity}`, prices in euros. Returns `{item, amount}`."""
    await asyncio.sleep(0.03)
    return {"item": line["item"], "amount": round(line["price"] * line["quantity"] * rate, 2)}


@action
async def add_up(priced: list[dict[str, Any]]) -> float:
    """Sum the amounts of all lines."""
    total: float = sum(line["amount"] for line in priced)
    return round(total, 2)


@action
async def write_letter(priced: list[dict[str, Any]], total: float, currency: str) -> str:
    """Write what the customer gets; returns the text."""
    await asyncio.sleep(0.05)
    lines = [f"{line['item']:<8}{line['amount']:>12,.2f}" for line in priced]
    return "\n".join([*lines, f"{'total':<8}{total:>12,.2f} {currency}"])


@action
async def charge(amount: float, currency: str) -> dict[str, Any]:
    """Charge the card; returns `{amount, reference}`.

    Raises:
        CardDeclined: the amount is above the card's limit.
    """
    log.info("POST /charge amount=%s currency=%s", amount, currency)
    await asyncio.sleep(0.12)
    if amount > LIMIT:
        raise CardDeclined(f"insufficient funds for {amount:,.2f} {currency}")
    return {"amount": amount, "reference": "ch_4712"}
