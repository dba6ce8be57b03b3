"""What the tests of Dive files share: realistic files, and sentences at marked places."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.loading.dive_file import load_dive
from engine.loading.loaded import LoadedFile
from engine.loading.problems import LoadError
from engine.model.workflow import Workflow

MARK = "§"
NOWHERE = Path("/nonexistent")

RESEARCH = """\
Name: Research Lab
Description: Finds out, and writes down
Version: "2.1"
Config:
  DefaultProvider: openai
  DefaultModel: gpt-x
Documents:
  - {Name: Style, Content: "Write plainly. Never say ${anything}."}
Agents:
  - Name: Researcher
    Goal: Find facts
    Instructions: Be exact.
    IsSupervisor: true
    ModelSettings: {Temperature: 0.2, MaxTokens: 2000}
    ResponseTimeout: 1m30s
  - Name: Writer
    SystemPrompt: You write.
    Provider: anthropic
    Model: claude-x
Workflows:
  - Name: Report
    Description: Facts first, then the text
    Inputs:
      - {Name: topic, Type: string, Description: what about, Required: true}
      - {Name: words, Type: int, Default: 300}
    Output: {Name: report, Default: none}
    Steps:
      - Name: Gather
        Prompt: "List facts about ${inputs.topic}."
        Store: facts
      - Name: Write
        Agent: Writer
        Content:
          - Document: Style
          - Text: "  Today it rains.  "
        Prompt: |
          Use these facts: ${facts}
          in ${inputs.words} words, for $${inputs.words / 100.0}.
        Store: report
      - Name: Save
        Action: Document.Write
        Parameters:
          Path: "reports/${strings.to_lower(inputs.topic)}.md"
          Content: "${report}"
"""
BRANCHING = """\
Name: Triage
Inputs:
  - {Name: severity, Type: number}
  - {Name: urgent, Type: bool, Default: false}
Steps:
  - Name: Look
    Script: "{level: inputs.severity > 7 ? 'high' : 'low', 'urgent': inputs.urgent}"
    Store: finding
    Next:
      - {Step: Page, Condition: "$(finding.level == 'high' || inputs.get('urgent', false))"}
      - {Step: Log, Condition: "!(inputs.severity == nil)"}
      - {Step: Close, Condition: inputs.severity <= 7 && !finding.urgent}
  - {Name: Page, Action: Print, Parameters: {Message: "page: ${finding.level}"}, End: true}
  - {Name: Log, Action: Print, Parameters: {Message: "log"}, End: true}
  - {Name: Close, Type: action, Action: Time.Now, Store: closed}
"""
LOOP = """\
{
  "Name": "Names",
  "Workflows": [{
    "Name": "Greet",
    "Inputs": [{"Name": "people", "Type": "list", "Default": ["Ann", "Bob"]}],
    "Steps": [
      {"Name": "Hello", "Each": {"Items": "$(inputs.people)", "As": "person"},
       "Script": "'Hello {person}!'", "Store": "greetings"},
      {"Name": "Fixed", "Each": {"Items": [1, "${x}", null], "As": "n"},
       "Action": "Print", "Parameters": {"Message": "${n} ${state.greetings[0]}"}},
      {"Name": "Again", "Script": "len(greetings)", "Store": "count",
       "Next": [{"Step": "Fixed", "Condition": "count < 2"}, {"Step": "Done", "Condition": "count >= 2"}]},
      {"Name": "Done", "Action": "Print", "Parameters": {"Message": "${string(count)} done"}}
    ]
  }]
}
"""


def dive(text: str, base: Path = NOWHERE) -> LoadedFile:
    return load_dive(text.encode(), "flow.yaml", base)


def only(text: str, base: Path = NOWHERE) -> Workflow:
    """The one workflow of a file that loads without a warning."""
    loaded = dive(text, base)
    assert [str(warning) for warning in loaded.warnings] == []
    (workflow,) = loaded.workflows
    return workflow


def steps(text: str) -> str:
    """A workflow of these steps, which begin in line 6: inputs `who` and `n`, variables `files` and `x`."""
    return f"""\
Name: W
Inputs: [{{Name: who}}, {{Name: n, Type: int}}]
Steps:
  - {{Name: F, Script: "[1, 2]", Store: files}}
  - {{Name: X, Script: "{{a: 1}}", Store: x}}
{text}"""


def _unmarked(text: str) -> tuple[str, list[str]]:
    places = []
    while MARK in text:
        before, _, after = text.partition(MARK)
        lines = before.split("\n")
        places.append(f"flow.yaml:{len(lines)}:{len(lines[-1]) + 1}: ")
        text = before + after
    return text, places


def assert_told(marked: str, *sentences: str, base: Path = NOWHERE) -> None:
    """A file does not load; each of its marks, in order, is the place of one of these sentences."""
    text, places = _unmarked(marked)
    with pytest.raises(LoadError) as caught:
        dive(text, base)
    told = [str(problem) for problem in caught.value.problems]
    assert told == [place + sentence for place, sentence in zip(places, sentences, strict=True)], told


def assert_warned(marked: str, *sentences: str, base: Path = NOWHERE) -> LoadedFile:
    """A file loads; each of its marks, in order, is the place of one of these warnings."""
    text, places = _unmarked(marked)
    loaded = dive(text, base)
    told = [str(warning) for warning in loaded.warnings]
    assert told == [f"{place}warning: {sentence}" for place, sentence in zip(places, sentences, strict=True)], told
    return loaded
