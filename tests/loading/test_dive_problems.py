"""Everything a Dive file says that means nothing here is told, at its place."""

from __future__ import annotations

import pytest

from engine.loading import dive_file
from engine.model.durations import parse_duration
from tests.loading.diveflows import assert_told, assert_warned, steps

NO_TOOLS = "tools are not offered to agents"
NO_START = "a workflow is started by hand or by a program"
ENVIRONMENT = "Name: E\n{}Workflows: [{{Name: W, Steps: [{{Name: S, Prompt: hi}}]}}]\n"


def test_what_we_lack_is_a_warning() -> None:
    assert_warned(
        """\
Name: E
Config:
  §DefaultWorkflow: W
  §ConfirmationMode: never
  §LogLevel: debug
  §Providers: [{Name: anthropic, Caching: true}]
§Tools: [{Name: Web.Search, Enabled: true}]
§Triggers: [{Name: T, Type: cron}]
§Schedules: [{Name: N, Cron: "* * * * *", Workflow: W}]
§MCPServers: [{Type: url, Name: linear, URL: "https://example.org"}]
Agents:
  - Name: A
    §Tools: [Web.Search]
    §ToolConfig: {a: 1}
    §ToolIterationLimit: 3
    §DateAwareness: true
    §Subordinates: [B]
    §Context: [{Text: x}]
    SystemPrompt: §Hi {{.Name}}
    ModelSettings: {§ReasoningBudget: 1, §ReasoningEffort: high, §ToolChoice: auto, §Features: [x], §Caching: true}
Workflows:
  - Name: W
    §Triggers: [{Name: T}]
    Inputs: [{Name: a, §As: b, §Required: true, Default: 1}]
    §Output: {Name: none, §Type: string, §Format: json, §Document: d}
    Steps:
      - {Name: S, Script: "1", §Seconds: 3, §Prompt: hi, §Parameters: {a: 1}}
      - {Name: T, Action: Mail.Send, §Agent: A, §Prompt: x, Parameters: {Deep: §["${a}"], Plain: §"$(a)"}}
""",
        "'DefaultWorkflow' has no effect: choose a workflow of the file by its name",
        "'ConfirmationMode' has no effect: nothing is confirmed by a person while a workflow runs",
        "'LogLevel' has no effect: how much is logged is not said in the file",
        "'Providers' has no effect: settings of providers belong to the project's agents",
        f"'Tools' has no effect: {NO_TOOLS}",
        f"'Triggers' has no effect: {NO_START}",
        f"'Schedules' has no effect: {NO_START}",
        f"'MCPServers' has no effect: {NO_TOOLS}",
        f"{NO_TOOLS} ('Web.Search'); a step that asks this agent fails, unless the project has an agent of the same "
        "name",
        f"'ToolConfig' has no effect: {NO_TOOLS}",
        f"'ToolIterationLimit' has no effect: {NO_TOOLS}",
        "'DateAwareness' has no effect: the date is not told; put it into the prompt, from a step with Time.Now",
        "'Subordinates' has no effect: agents do not hand work to each other",
        "'Context' has no effect: put it into the Content of the steps",
        "the {{...}} in it stay as they are: it is not a template here",
        "'ReasoningBudget' has no effect: a budget for reasoning is not handed on",
        "'ReasoningEffort' has no effect: an effort for reasoning is not handed on",
        f"'ToolChoice' has no effect: {NO_TOOLS}",
        "'Features' has no effect: features of a provider are not handed on",
        "'Caching' has no effect: caching is left to the provider",
        f"'Triggers' has no effect: {NO_START}",
        "'As' has no effect: an input is known by its Name",
        "'Required' has no effect: the input has a default",
        "'Output' has no effect: no step stores 'none'",
        "'Type' has no effect: an output has the type of what is stored",
        "'Format' has no effect: an output is given as it is",
        "'Document' has no effect: no document is written; use a step with Document.Write",
        "'Seconds' has no effect: it never made a step wait; a wait is a step with 'sleep' in a workflow of our own "
        "form",
        "'Prompt' has no effect in a script step",
        "'Parameters' has no effect in a script step",
        "'Agent' has no effect in an action step",
        "'Prompt' has no effect in an action step",
        "the ${...} in it stays text: only a parameter that is itself text is a template",
        "this stays text: a value is written ${...} here, not $(...)",
    )


def test_what_asks_for_nothing_is_no_warning() -> None:
    assert_warned(
        "Name: E\nTools: []\nMCPServers: \nConfig: {LogLevel: '', Providers: []}\n"
        "Agents: [{Name: A, DateAwareness: false, Tools: [], ToolIterationLimit: 0}]\n"
        "Workflows: [{Name: W, Steps: [{Name: S, Prompt: hi, Seconds: 0}]}]\n"
    )


def test_the_tools_of_an_agent_are_kept_as_settings() -> None:
    loaded = assert_warned(
        ENVIRONMENT.format("Agents: [{Name: A, Model: m, §Tools: [T]}]\n"),
        f"{NO_TOOLS} ('T'); a step that asks this agent fails, unless the project has an agent of the same name",
    )
    (agent,) = loaded.workflows[0].agents
    assert (agent.settings, agent.model) == ({"tools": ["T"]}, "anthropic:m")


def test_a_default_that_cannot_be_written_is_a_warning() -> None:
    loaded = assert_warned(
        steps("") + "Output: {Name: x, Default: §[1]}\n",
        "'Default' has no effect: only text, a number or true or false can be one",
    )
    assert loaded.workflows[0].outputs[0].value == "${get(state.x)}"


def test_what_only_the_definition_knows_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    definition = {"name": "", "steps": [{"name": "S", "action": "A"}]}
    monkeypatch.setattr(dive_file, "_translate", lambda *given: [((), definition)])
    assert_told("§Name: W\n", "name: String should have at least 1 character")


def duration_problem(text: str) -> ValueError:
    with pytest.raises(ValueError, match=text) as caught:
        parse_duration(text)
    return caught.value


@pytest.mark.parametrize(
    ("keys", "sentences"),
    [
        ("§Agnts: []\n", ["unknown key 'Agnts'; did you mean 'Agents'?"]),
        ("Config: §x\n", ["'Config' must be a mapping, not 'x'"]),
        ("Config: {LogLevel: §wran}\n", ["'LogLevel' must be one of debug, info, warn, error, not 'wran'; "
                                         "did you mean 'warn'?"]),
        ("Version: §1.5\n", ["'Version' must be text, not 1.5; put it in quotes"]),
        ("Agents: [{Name: A, §Gaol: x}]\n", ["unknown key 'Gaol'; did you mean 'Goal'?"]),
        ("Agents: [§{Goal: x}]\n", ["an agent needs 'Name'"]),
        ("Agents: [{Name: A}, {Name: §A}]\n", ["a second agent is named 'A'; the first is on line 2"]),
        ("Agents: [{Name: A, ModelSettings: {Temperature: §hot, ParallelToolCalls: §1}}]\n",
         ["'Temperature' must be a number, not 'hot'", "'ParallelToolCalls' must be true or false, not 1"]),
        ("Agents: [{Name: A, ResponseTimeout: §soon}]\n", None),
        ("Agents: [{Name: A, ResponseTimeout: §-1}]\n",
         ["'ResponseTimeout' must be a duration such as 30s, or seconds as a number"]),
        ("Documents: [§{Content: x}]\n", ["a document needs 'Name' or 'ID'"]),
        ("Documents: [{Name: D}, §{ID: D}]\n", ["a second document is named 'D'"]),
    ],
)  # fmt: skip
def test_environments(keys: str, sentences: list[str] | None) -> None:
    if sentences is None:
        sentences = [str(duration_problem("soon"))]
    assert_told(ENVIRONMENT.format(keys), *sentences)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("§Name: E\n", ["an environment needs 'Workflows'"]),
        ("§Steps: [{Name: S, Action: a}]\n", ["a workflow needs 'Name'"]),
        ("§Name: W\nInputs: []\n", ["a workflow needs 'Steps'"]),
        ("Name: W\nSteps: §[]\n", ["'Steps' must not be empty"]),
        ("Name: W\nSteps:§\n", ["'Steps' must be a list, not empty"]),
        ("Name: W\nSteps: [§a]\n", ["a step must be a mapping, not 'a'"]),
        ("Name: §''\nSteps: [{Name: S, Action: a}]\n", ["'Name' must not be empty"]),
        ("Name: E\nWorkflows: [{Name: W, Steps: [{Name: S, Action: a}]}, {Name: §W, Steps: [{Name: S, Action: a}]}]\n",
         ["a second workflow is named 'W'; the first is on line 2"]),
        ("Name: W\nInputs: [{Name: a}, {Name: §a}]\nSteps: [{Name: S, Action: a}]\n",
         ["a second input is named 'a'; the first is on line 2"]),
        ("Name: W\nInputs: [{Name: §a-b}]\nSteps: [{Name: S, Action: a}]\n",
         ["'Name' must consist of letters (A-Z, a-z), digits and '_', not beginning with a digit; 'a-b' does not"]),
        ("Name: W\nInputs: [{Name: a, Type: int, Default: §x}]\nSteps: [{Name: S, Action: a}]\n",
         ["'Default' must be a whole number, not 'x': the input is of type integer"]),
        ("Name: W\nInputs: [{Name: a, Type: §integr}]\nSteps: [{Name: S, Action: a}]\n",
         ["'Type' must be one of string, integer, number, boolean, array, object, text, int, float, bool, list, map, "
          "not 'integr'; did you mean 'integer'?"]),
    ],
)  # fmt: skip
def test_workflows(text: str, sentences: list[str]) -> None:
    assert_told(text, *sentences)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("§{Name: S}", ["a step needs one of 'Prompt', 'Action' and 'Script'"]),
        ("{Name: S, Type: §wait, Action: A}", ["'Type' must be one of prompt, action, script, not 'wait'"]),
        ("§{Name: S, Type: prompt}", ["a prompt step needs 'Prompt' or 'Content'"]),
        ("§{Name: S, Type: action}", ["an action step needs 'Action'"]),
        ("§{Name: S, Type: script}", ["a script step needs 'Script'"]),
        ("{Name: S, §Aktion: A, Script: '1'}", ["unknown key 'Aktion'; did you mean 'Action'?"]),
        ("{Name: §F, Action: A}", ["a second step is named 'F'; the first is on line 4"]),
        ("{Name: S, Action: A, Next: [{Step: §Sss}]}", ["'Sss' is no step"]),
        ("{Name: Sum, Action: A, Next: [{Step: §Sums}]}", ["'Sums' is no step; did you mean 'Sum'?"]),
        ("{Name: S, Action: A, Next: §T}", ["'Next' must be a list, not 'T'"]),
        ("{Name: S, Action: A, Next: [{Step: S, Condition: §true}]}", ["'Condition' must be text, not true; "
                                                                     "put it in quotes"]),
        ("{Name: S, Action: A, Next: [{Step: S, Condition: '$(len(§fils) > 0)'}]}",
         ["unknown name 'fils'; did you mean 'files'?"]),
        ("{Name: S, Action: A, Next: [{Step: S, Condition: '§${n}'}]}",
         ["an expression stands in $(...) here, or bare, not in ${...}"]),
        ("{Name: S, Action: A, Next: [{Step: S, Condition: 'n > 3 || x §&& who'}]}",
         ["put parentheses here: Risor takes this for '((n > 3) || x) && who', but reads like "
          "'(n > 3) || (x && who)'"]),
        (f"{{Name: S, Prompt: hi, Agent: §{'x' * 201}}}", ["'Agent' must not be longer than 200 characters"]),
        (f"{{Name: S, Action: §{'x' * 201}}}", ["'Action' must not be longer than 200 characters"]),
        ("{Name: S, Action: A, Store: §a b}",
         ["'Store' must consist of letters (A-Z, a-z), digits and '_', not beginning with a digit; 'a b' does not"]),
        ("{Name: S, Action: A, Each: {Items: §'${files}', As: i}}",
         ["'Items' must be a list, or one expression in $(...)"]),
        ("{Name: S, Action: A, Each: {Items: §3}}", ["'Items' must be a list, or one expression in $(...)"]),
        ("{Name: S, Action: A, Each: §{As: i}}", ["'Each' needs 'Items'"]),
        ("{Name: S, Action: A, Each: {Items: [1], As: §state}}",
         ["'As' must be another name than 'state', which it would hide"]),
        ("{Name: S, Action: A, Each: {Items: [1], As: §for}}",
         ["'As' must be another name: 'for' is a word of the expression language"]),
        ("{Name: S, Action: Print, Parameters: {§Mesage: a}}",
         ["Print has no parameter 'Mesage'; did you mean 'Message'?"]),
        ("{Name: S, Action: Document.Read, Parameters: §{}}", ["Document.Read needs the parameter 'Path'"]),
        ("§{Name: S, Action: Document.Read}", ["Document.Read needs the parameter 'Path'"]),
        ("{Name: S, Action: Print, Parameters: {Message: 'a ${inputs.§whoo}'}}",
         ["there is no input 'whoo'; did you mean 'who'?"]),
        ("{Name: S, Action: Print, Parameters: {Message: 'a §${who'}}", ["'${' is never closed"]),
        ("{Name: S, Action: Print, Parameters: {Message: '${who §| len}'}}",
         ["a pipe cannot be written here; call the function: len(items)"]),
        ("{Name: S, Prompt: '${§item}'}", ["unknown name 'item'"]),
        ("{Name: S, Script: 'y §:= 1; y + 1'}",
         ["nothing can be assigned here; a Risor script runs here only when it is one expression; rewrite it as one, "
          "or as several steps"]),
    ],
)  # fmt: skip
def test_steps(text: str, sentences: list[str]) -> None:
    assert_told(steps(f"  - {text}\n"), *sentences)


def test_a_script_of_several_lines_is_refused_at_its_line() -> None:
    assert_told(
        steps(
            "  - Name: S\n    Script: |\n      total §:= 0\n      for i := range files { total += i }\n      total\n"
        ),
        "nothing can be assigned here; a Risor script runs here only when it is one expression; rewrite it as one, "
        "or as several steps",
    )


def test_a_variable_that_no_step_stores_is_doubtful() -> None:
    assert_warned(
        steps("  - {Name: S, Action: Print, Parameters: {Message: '${state.§fils}'}}\n"),
        "no step stores 'fils'; did you mean 'files'?",
    )


def test_everything_is_told_at_once() -> None:
    assert_told(
        """\
Name: E
§Agnts: []
Workflows:
  - Name: W
    Steps:
      - {Name: A, Prompt: "${§who}", Next: [{Step: §Z}]}
      - {Name: B, §Kind: x, Script: "§1 +* 2"}
""".replace("§1 +* 2", "1 +§* 2"),
        "unknown key 'Agnts'; did you mean 'Agents'?",
        "unknown name 'who'",
        "'Z' is no step",
        "unknown key 'Kind'",
        "'*' does not belong here; a Risor script runs here only when it is one expression; rewrite it as one, "
        "or as several steps",
    )


@pytest.mark.parametrize(
    ("agents", "step", "sentence"),
    [
        ("[{Name: Ann}, {Name: Bob}]", "{Name: S, Prompt: hi, Agent: §Anna}",
         "there is no agent 'Anna'; did you mean 'Ann'?"),
        ("[{Name: Ann}, {Name: Bob}]", "§{Name: S, Prompt: hi}",
         "say which 'Agent' is asked: there are several, and none is a supervisor"),
        ("[]", "{Name: S, Prompt: hi, Agent: §Ann}", "there is no agent 'Ann'"),
    ],
)  # fmt: skip
def test_an_agent_must_exist(agents: str, step: str, sentence: str) -> None:
    assert_told(f"Name: E\nAgents: {agents}\nWorkflows:\n  - Name: W\n    Steps: [{step}]\n", sentence)
