"""`validate`: what is wrong with files, and what is right."""

from __future__ import annotations

from tests.cli.shop import Caller, Shop, one_step

BAD = "name: bad\nsteps:\n  - {name: A, action: say, next: [B]}\n  - {nam: C}\n"
WARNED = "name: w\ninputs: [{name: x, required: true, default: 'a'}]\nsteps: [{name: A, action: block}]\n"


def test_good_files(shop: Shop, call: Caller) -> None:
    shop.write("single.yaml", one_step("say", "{text: x}"))
    shop.write(
        "two.yaml", "workflows:\n" + "".join(f"  - {{name: {n}, steps: [{{name: A, action: block}}]}}\n" for n in "ab")
    )
    assert call("validate", "order.yaml", "single.yaml", "two.yaml") == (
        0,
        "ok order.yaml: order (4 steps)\nok single.yaml: single (1 step)\nok two.yaml: a (1 step), b (1 step)\n",
        "",
    )
    assert not shop.store.exists()


def test_every_problem_of_every_file(shop: Shop, call: Caller) -> None:
    shop.write("bad.yaml", BAD)
    shop.write("action.yaml", one_step("sya"))
    ended = call("validate", "bad.yaml", "order.yaml", "action.yaml", "none.yaml")
    assert (ended.code, ended.err) == (2, "")
    lines = ended.out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["bad.yaml"] * (len(lines) - 3) + [
        "ok order.yaml", "action.yaml", "none.yaml",
    ]  # fmt: skip
    assert "bad.yaml:4:6: unknown key 'nam'; did you mean 'name'?" in lines
    assert "bad.yaml:3:35: 'B' is no step" in lines
    assert lines[-2:] == [
        "action.yaml:3:26: there is no action 'sya'; did you mean 'say'?",
        "none.yaml: there is no such file",
    ]


def test_warnings_are_no_errors(shop: Shop, call: Caller) -> None:
    shop.write("warned.yaml", WARNED)
    ended = call("validate", "warned.yaml")
    assert ended.code == 0
    warning, ok = ended.out.splitlines()
    assert warning.startswith("warned.yaml:2:") and ": warning: " in warning
    assert ok == "ok warned.yaml: w (1 step)"


def test_json(shop: Shop, call: Caller) -> None:
    shop.write("warned.yaml", WARNED)
    shop.write("action.yaml", one_step("sya"))
    ended = call("validate", "order.yaml", "warned.yaml", "action.yaml", "--json")
    assert ended.code == 2
    good, warned, unknown = ended.json
    assert good == {"file": "order.yaml", "ok": True, "workflows": [{"name": "order", "steps": 4}], "problems": []}
    assert warned["ok"] and [problem["severity"] for problem in warned["problems"]] == ["warning"]
    assert unknown == {
        "file": "action.yaml",
        "ok": False,
        "workflows": [{"name": "single", "steps": 1}],
        "problems": [
            {
                "line": 3,
                "column": 26,
                "severity": "error",
                "message": "there is no action 'sya'; did you mean 'say'?",
            }
        ],
    }


def test_project_that_cannot_be_loaded(shop: Shop, call: Caller) -> None:
    shop.write("pyproject.toml", '[tool.dive]\nactions = ["nowhere"]\n')
    ended = call("validate", "order.yaml")
    assert (ended.code, ended.out) == (2, "ok order.yaml: order (4 steps)\n")
    assert ended.err.startswith("there is no module 'nowhere'")
    shop.write("pyproject.toml", '[tool.dive]\nactoins = ["nowhere"]\n')
    assert "unknown key 'actoins'; did you mean 'actions'?" in call("validate", "order.yaml").err


def test_project_is_found_beside_the_file(shop: Shop, call: Caller, monkeypatch: object) -> None:
    outside = shop.folder.parent
    monkeypatch.chdir(outside)  # type: ignore[attr-defined]
    file = str(shop.folder / "order.yaml")
    assert call("validate", file) == (0, f"ok {file}: order (4 steps)\n", "")


def test_hostile_files_are_safe_to_show(shop: Shop, call: Caller) -> None:
    shop.write("evil.yaml", 'name: "\\e]0;x\\a"\nsteps: [{name: "\\e[2J", action: "\\e[31m", "\\e[1m": 1}]\n')
    ended = call("validate", "evil.yaml")
    assert ended.code == 2
    assert "\x1b" not in ended.out + ended.err


PARAMETERS = """\
workflows:
  - name: a
    steps:
      - {name: Say, action: say, parameters: {text: "${1 + 1}"}}
      - {name: Kid, workflow: b}
  - name: b
    steps:
      - {name: Wrong, action: say, parameters: {txet: x}}
      - {name: Web, action: HTTP.Request, parameters: {url: "http://x"}}
"""


def test_parameters_are_those_of_the_action(shop: Shop, call: Caller) -> None:
    shop.write("p.yaml", PARAMETERS)
    ended = call("validate", "p.yaml")
    expected = [
        "p.yaml:8:31: action 'say' needs the parameter 'text'",
        "p.yaml:8:49: action 'say' has no parameter 'txet'; did you mean 'text'?",
        "p.yaml:9:29: action 'HTTP.Request' is built in but not allowed here; ",
    ]
    assert ended.code == 2
    assert [line[: len(start)] for line, start in zip(ended.out.splitlines(), expected, strict=True)] == expected
    # What a run would need is checked before anything is recorded, its children too.
    refused = call("run", "p.yaml", "-w", "a")
    assert refused.code == 2 and "p.yaml:8:49: action 'say' has no parameter 'txet'" in refused.err
    assert not shop.store.exists()


def test_allowed_actions(shop: Shop, call: Caller) -> None:
    shop.write("web.yaml", one_step("HTTP.Request", '{url: "http://x"}'))
    shop.write("pyproject.toml", '[tool.dive]\nactions = ["shop_actions"]\nallow = ["http"]\n')
    assert call("validate", "web.yaml") == (0, "ok web.yaml: single (1 step)\n", "")
