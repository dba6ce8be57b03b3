"""What the tests of workflow files share: texts, and places marked in them."""

from __future__ import annotations

import pytest

from engine.loading.loaded import LoadedFile
from engine.loading.problems import LoadError
from engine.loading.workflow_file import read_workflows

MARK = "§"

GOOD = """\
name: check-sources            # one workflow
description: Looks at source files
version: "1.10"
labels: {team: tools}
inputs:
  - {name: root, type: string, default: src, description: where to look}
  - {name: limit, type: integer, required: false}
steps:
  - {name: List, action: Files.List, parameters: {root: "${inputs.root}", pattern: "*.py"}, store: files}
  - name: Measure
    each: {items: "${state.files}", as: file}
    action: Python.Measure
    parameters: {path: "${file}", deep: [{limit: "${inputs.limit}"}]}
    store: measures
    next:
      - Report                                   # short for {step: Report}
      - {step: Problems, condition: "len(state.measures) > 0", path: problems}
  - {name: Report, action: Document.Write, parameters: {path: report.md, content: "${state.measures}"}, end: true}
  - name: Problems
    action: Python.Problems
    store: problems
outputs:
  - {name: files, value: "${len(state.files)}"}
  - {name: all, value: ["${paths.problems.problems}", "${inputs.limit}"]}
"""
SEVERAL = """\
workflows:
  - name: one
    steps: [{name: A, action: a}]
  - name: two
    steps: [{name: A, action: a}]
"""

RICH = """\
workflows:
  - name: order
    on_failure: drain
    deadline: 2h
    max_visits: 50
    max_parallel: 4
    agents:
      - name: writer
        instructions: Be brief.
        model: test
        settings: {temperature: 0.5, key: "${inputs.token}"}
    inputs:
      - {name: token, secret: true, default: "env:TOKEN"}
      - {name: lines, type: array, default: []}
    steps:
      - name: Check
        script: |
          total = 0
          for line in inputs.lines:
              total = total + line.price
          {"total": total, "count": len(inputs.lines)}
        store: {total: total, count: count}
        next:
          - {step: Charge, path: pay}
          - {step: Draft, path: letter, condition: "state.count > 0"}
          - Gather
      - name: Charge
        action: Card.Charge
        parameters: {amount: "${state.total}", auth: "Bearer ${inputs.token}"}
        timeout: 10s
        timeout_total: 1h30m
        retry:
          - {errors: Timeout, max_attempts: 5, initial_delay: 250ms, max_backoff: 1m, jitter: 0.2}
          - errors: ["*"]
            non_retryable_errors: [CardDeclined]
            backoff_multiplier: 1.5
            condition: "error.attempt < 3 and state.total > 0"
        catch:
          - {errors: CardDeclined, step: Declined, store: refusal}
          - {errors: [Timeout, Interrupted], step: Later}
        store: charge
        end: true
      - {name: Declined, pass: true, end: true}
      - {name: Later, sleep: "${1 + 1}", next: {step: Charge}}
      - name: Draft
        prompt: Write to ${inputs.lines[0].customer}
        agent: writer
        content: ["${state.total}", plain]
        store: draft
        edge_matching: first
        next:
          - {step: Approval, condition: len(state.draft) > 10}
          - Draft
      - {name: Approval, wait_signal: "ok-${state.count}", timeout: 24h, on_timeout: Remind, store: approval, end: true}
      - {name: Remind, sleep: 5m, next: Approval}
      - name: Gather
        join: [pay, letter]
        count: 1
        rest: cancel
        timeout: 2d
        on_timeout: fail
        mappings: {pay.charge: charged, letter.draft: text}
      - name: Ship
        workflow: shipping
        parameters: {address: "${item.address}"}
        each: {items: "${inputs.lines}", concurrency: 3, on_item_failure: collect}
        store: shipped
    outputs:
      - {name: shipped, value: "${state.shipped}"}
      - {name: paid, value: "${get(paths.pay.charge, state.charged)}"}
  - name: shipping
    inputs: [{name: address}]
    steps:
      - {name: Wait, type: wait_signal, topic: packed}
      - {name: Fork, type: pass, next: [{step: Both, path: a}, {step: Both, path: b}]}
      - {name: Both, type: join, paths: [a, b]}
"""


def flow(steps: str, **parts: str) -> str:
    """A workflow of these steps, whose first one is in line 3."""
    return f"name: flow\nsteps:\n{steps}" + "".join(f"{key}: {value}\n" for key, value in parts.items())


def read(text: str) -> LoadedFile:
    return read_workflows(text.encode(), "flow.yaml")


def problems_of(text: str) -> list[str]:
    """The problems of a file that does not load."""
    with pytest.raises(LoadError) as caught:
        read(text)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem) for problem in caught.value.problems]


def warnings_of(text: str) -> list[str]:
    """The warnings about a file that loads."""
    loaded = read(text)
    assert {warning.severity for warning in loaded.warnings} <= {"warning"}
    return [str(warning) for warning in loaded.warnings]


def unmarked(text: str) -> tuple[str, list[str]]:
    """The text without its marks, and for each the place of the character behind it, as problems begin with it."""
    places = []
    while MARK in text:
        before, _, after = text.partition(MARK)
        lines = before.split("\n")
        places.append(f"flow.yaml:{len(lines)}:{len(lines[-1]) + 1}: ")
        text = before + after
    return text, places


def assert_told(marked: str, *sentences: str) -> None:
    """A file does not load; each of its marks, in order, is the place of one of these sentences."""
    text, places = unmarked(marked)
    told = problems_of(text)
    assert told == [place + sentence for place, sentence in zip(places, sentences, strict=True)], told


def assert_warned(marked: str, *sentences: str) -> None:
    """A file loads; each of its marks, in order, is the place of one of these warnings."""
    text, places = unmarked(marked)
    told = warnings_of(text)
    assert told == [f"{place}warning: {sentence}" for place, sentence in zip(places, sentences, strict=True)], told
