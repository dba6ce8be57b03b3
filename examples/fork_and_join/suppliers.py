"""Suppliers that answer after a while, each with a price of its own."""

from __future__ import annotations

import asyncio

from dive_tui import action

SECONDS = {"North": 0.05, "South": 0.1, "West": 5.0}
PRICES = {"North": 31.5, "South": 29.0, "West": 12.0}


@action(effects="reads")
async def quote(supplier: str, item: str) -> dict[str, object]:
    """What a supplier wants for an item; returns `{supplier, price}`."""
    await asyncio.sleep(SECONDS[supplier])
    return {"supplier": supplier, "price": PRICES[supplier] + len(item)}
