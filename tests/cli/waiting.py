"""Workflows that wait, for the tests of commands that let them go on."""

from __future__ import annotations

from tests.cli.shop import ACTIONS, Shop

APPROVAL = """\
name: approval
steps:
  - {name: Ask, action: say, parameters: {text: may I}}
  - {name: Approve, wait_signal: approve, timeout: 2h, store: answer}
outputs: [{name: answer, value: "${state.answer}"}]
"""

NAP = "name: nap\nsteps:\n  - {name: Nap, sleep: 3h}\n  - {name: After, action: say, parameters: {text: awake}}\n"

GATED = '''
from pathlib import Path
from dive_tui import ActionContext

@action
async def gated(context: ActionContext, gate="open"):
    """Leaves its effect key in a file, says so, and goes on when another file is there."""
    with open("keys", "a") as keys:
        keys.write(context.effect_key + "\\n")
    print("at the gate", flush=True)
    while not Path(gate).exists():
        await asyncio.sleep(0.01)
    return context.attempt
'''

GATE = """\
name: gate
steps:
  - {name: Before, action: say, parameters: {text: before}}
  - {name: Gate, action: gated, store: attempt}
  - {name: Approve, wait_signal: approve, store: answer}
outputs:
  - {name: attempt, value: "${state.attempt}"}
  - {name: answer, value: "${state.answer}"}
"""


def furnish(shop: Shop) -> Shop:
    """Put these workflows and what they need into a project."""
    shop.write("shop_actions.py", ACTIONS + GATED)
    for name, text in (("approval.yaml", APPROVAL), ("nap.yaml", NAP), ("gate.yaml", GATE)):
        shop.write(name, text)
    return shop
