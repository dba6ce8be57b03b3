"""Prompt steps from the command line: the project's agents, and what is wrong with them."""

from __future__ import annotations

from tests.cli.shop import Shop

FLOW = """
name: letters
steps:
  - {name: Write, prompt: "greet ${inputs.who}", agent: writer, store: text}
inputs: [{name: who, default: Ada}]
outputs: [{name: text, value: "${state.text}"}]
"""
AGENTS = "def writer(prompt):\n    return prompt.upper()\nnothing = 3\n"


def prepare(shop: Shop, agent: str) -> None:
    (shop.folder / "dive.toml").write_text(f'[agents]\nwriter = "{agent}"\n')
    (shop.folder / "letter_agents.py").write_text(AGENTS)
    (shop.folder / "letters.yaml").write_text(FLOW)


def test_a_prompt_step_asks_the_projects_agent(shop: Shop) -> None:
    prepare(shop, "letter_agents:writer")
    done = shop.process("run", "letters.yaml", "--json")
    assert done.code == 0, done.err
    assert done.json["outputs"] == {"text": "GREET ADA"}


def test_what_is_no_agent_is_told_before_anything_runs(shop: Shop) -> None:
    prepare(shop, "letter_agents:nothing")
    refused = shop.process("run", "letters.yaml")
    assert refused.code == 2
    assert "is no agent" in refused.err
