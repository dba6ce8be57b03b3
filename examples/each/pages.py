"""A website that fits into a set."""

from __future__ import annotations

import asyncio

from dive_tui import action

PAGES = {"/", "/prices", "/about", "/blog"}


class NotFound(Exception):
    """There is no such page."""


@action(effects="reads", max_parallel=3)
async def probe(link: str) -> dict[str, object]:
    """Look at a page; returns `{link, status}`.

    Raises:
        NotFound: there is no such page.
    """
    await asyncio.sleep(0.02)
    if link not in PAGES:
        raise NotFound(f"nothing at {link}")
    return {"link": link, "status": 200}
