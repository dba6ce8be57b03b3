"""The invoice example: a rate in the wrong form comes to light three steps later."""

from __future__ import annotations

import pytest

from dive_tui.testing import run_workflow
from engine.replay.history import History
from engine.replay.session.session import ReplaySession
from tests.examples.loading import module, workflow


async def test_an_invoice_is_charged_and_its_letter_written() -> None:
    run = await run_workflow(workflow("invoice/invoice.yaml"), actions=[module("invoice/billing.py")])
    assert run.outputs == {"receipt": {"amount": 788.4, "reference": "ch_4712"}, "total": 788.4}
    (letter,) = (data["output"] for data in run.of("step_completed", "Write Letter"))
    assert letter.splitlines()[-1] == "total         788.40 USD"


async def test_a_rate_in_percent_fails_where_the_card_is_charged_and_was_set_at_the_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RATES", "percent")
    run = await run_workflow(workflow("invoice/invoice.yaml"), actions=[module("invoice/billing.py")])
    session = ReplaySession(History(run.events[0].execution_id, run.events))
    failure = session.history.failure_sequence()
    assert failure is not None
    failed = session.history.event(failure)
    assert (failed.step_name, failed.data["error_type"]) == ("Charge Card", "CardDeclined")
    written = session.who_set("paths.main.variables.exchange.rate")
    assert written is not None
    assert (session.history.event(written.sequence).step_name, written.new) == ("Look Up Rate", 108.0)
