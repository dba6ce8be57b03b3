"""A recorded execution as a pytest case: it passes, and fails with a sentence once the definition has changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dive_tui.cli.pytest_case import pytest_case
from dive_tui.testing import assert_history_fits
from engine.loading.problems import LoadError
from engine.loading.project import ProjectError
from engine.model.events import ExecutionEvent
from engine.replay.determinism import UncheckableError
from engine.replay.salvaged import Unreadable, as_events
from stores.exported import HistoryFileError, read_histories
from tests.cli.histories import ORDER, in_store, record
from tests.cli.shop import ORDER as ORDER_FILE
from tests.cli.shop import ROOT, Caller, Shop


def run_pytest(folder: Path, *targets: str) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ".", *targets],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    return ran.returncode, ran.stdout + ran.stderr


def written(folder: Path, files: dict[str, str]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return list(files)


def test_a_case_passes_until_the_definition_changes(
    shop: Shop, call: Caller, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert call("run", "order.yaml", "-i", "amount=500").code == 1
    cases = shop.folder / "tests" / "recorded"
    cases.mkdir(parents=True)
    ended = call("export", "last", "--format", "pytest", "--to", str(cases))
    assert ended.code == 0, ended.err
    execution_id = str(call("show", "last", "--json").json["id"])
    assert sorted(file.name for file in cases.iterdir()) == [
        f"{execution_id}.jsonl", f"test_order_{execution_id}.py",
    ]  # fmt: skip
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for folder in (cases, elsewhere):
        code, told = run_pytest(folder, str(cases))
        assert (code, "1 passed" in told) == (0, True), told
    file = shop.folder / "order.yaml"
    file.write_text(ORDER_FILE.replace("text: hello", "text: bye"))
    code, told = run_pytest(shop.folder, "tests")
    assert code == 1, told
    assert f"{execution_id} does not fit workflow 'order': event " in told
    assert 'otherwise than wanted: step_params.text: recorded "hello", wanted "bye"' in told
    file.write_text(ORDER_FILE.replace("name: order\n", "name: orders\n"))
    code, told = run_pytest(cases)
    assert code == 1 and "has no workflow 'order'" in told
    file.unlink()
    code, told = run_pytest(cases)
    assert code == 1 and "there is no order.yaml in" in told


def recorded(folder: Path) -> list[ExecutionEvent]:
    (execution_id,) = record(folder, 5)
    events: list[ExecutionEvent] = in_store(folder, lambda store: store.get_event_history(execution_id))
    return events


def sourced(events: list[ExecutionEvent], **source: str) -> list[ExecutionEvent]:
    return [events[0]._replace(data={**events[0].data, "source": source}), *events[1:]]


def test_where_the_definition_is(tmp_path: Path) -> None:
    events = recorded(tmp_path)

    def call_in(case: dict[str, str]) -> str:
        text = next(iter(case.values()))
        compile(text, "case", "exec")
        return text.splitlines()[-1].strip()

    file = sourced(events, kind="file", ref="/p/flows/order.yaml", project="/p", workflow="order")
    assert call_in(pytest_case(file)) == "assert_history_fits(HISTORY, 'flows/order.yaml', workflow='order')"
    outside = sourced(events, kind="file", ref="/q/order.yaml", project="/p", workflow="or'd\n")
    assert call_in(pytest_case(outside)) == """assert_history_fits(HISTORY, 'order.yaml', workflow="or'd\\n")"""
    module = sourced(events, kind="module", ref="shop:ORDER", project="/p", workflow="order")
    assert call_in(pytest_case(module)) == "assert_history_fits(HISTORY, 'shop:ORDER')"
    nothing = call_in(pytest_case(events))
    assert nothing.startswith("assert_history_fits(HISTORY)  # with the definition on disk: ")


def test_names_and_text_of_a_case(tmp_path: Path) -> None:
    events = recorded(tmp_path)
    evil = '"""\nimport os  # {x}'
    first = events[0]._replace(data={**events[0].data, "workflow_name": evil})
    case = pytest_case([first, *events[1:]])
    execution_id = events[0].execution_id
    name, history = case
    assert (name, history) == (f"test_import_os_x_{execution_id}.py", f"{execution_id}.jsonl")
    assert evil not in case[name] and "import os" not in case[name]
    written(tmp_path / "case", case)
    assert read_histories(tmp_path / "case" / history) == {execution_id: [first, *events[1:]]}
    assert list(pytest_case(events, "Größe!"))[0].startswith("test_gr_e_exec_")  # noqa: RUF015 - the first of two
    assert list(pytest_case(events, "日本"))[0].startswith("test_workflow_exec_")  # noqa: RUF015 - the first of two
    with pytest.raises(ValueError, match="without its first event"):
        pytest_case(events[1:])


def test_a_case_of_a_module_or_of_nothing_runs(tmp_path: Path) -> None:
    events = recorded(tmp_path / "store")
    project = tmp_path / "project"
    cases = project / "tests"
    written(cases, pytest_case(events))
    assert run_pytest(cases)[0] == 0, "against what was recorded"
    (project / "dive.toml").write_text("")
    (project / "flows.py").write_text("from tests.cli.histories import ORDER\n")
    written(cases, pytest_case(sourced(events, kind="module", ref="flows:ORDER", project="/elsewhere")))
    code, told = run_pytest(cases)
    assert code == 0, told
    (project / "flows.py").write_text(
        "from tests.cli.histories import ORDER as OLD\nORDER = OLD.model_copy(update={'steps': OLD.steps[1:]})\n"
    )
    code, told = run_pytest(cases)
    assert code == 1 and "but wanted was path_started" not in told and "does not fit workflow 'order'" in told


# assert_history_fits


def test_a_history_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = recorded(tmp_path / "store")
    assert_history_fits(events)
    assert_history_fits(iter(events), ORDER)
    (file,) = (tmp_path / "store").glob("exec_*/events.jsonl")
    assert_history_fits(file, ORDER)
    assert_history_fits(str(file))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no none\.yaml in "):
        assert_history_fits(events, "none.yaml")
    (tmp_path / "two.yaml").write_text(
        "workflows:\n  - name: a\n    steps: [{name: A, pass: true}]\n  - name: b\n    steps: [{name: A, pass: true}]\n"
    )
    with pytest.raises(ProjectError, match=r"has no workflow 'order'; it holds 'a', 'b', which workflow=NAME may"):
        assert_history_fits(file, "two.yaml")
    with pytest.raises(LoadError, match="has no workflow 'c'"):
        assert_history_fits(file, Path("two.yaml"), workflow="c")
    with pytest.raises(AssertionError, match="does not fit workflow 'b': event 2 records path_started of 'main'"):
        assert_history_fits(file, "two.yaml", workflow="b")


def test_a_history_that_does_not_fit(tmp_path: Path) -> None:
    events = recorded(tmp_path)
    other = ORDER.model_copy(update={"steps": (ORDER.steps[0].model_copy(update={"store": "other"}), *ORDER.steps[1:])})
    with pytest.raises(AssertionError) as failed:
        assert_history_fits(events, other)
    sentence, recorded_side, wanted = str(failed.value).splitlines()
    assert sentence == (
        f"{events[0].execution_id} does not fit workflow 'order': event 4 records step_completed of 'main' › 'Check' "
        'otherwise than wanted: stored_variable: recorded "valid", wanted "other"'
    )
    assert recorded_side.startswith('  recorded: {"event_type":"step_completed"')
    assert '"stored_variable":"other"' in wanted
    nothing = [*events[:3], events[3]._replace(path_id="main", event_type="path_failed")]
    with pytest.raises(AssertionError, match="cannot be checked to its end"):
        assert_history_fits(nothing)


def test_a_history_that_cannot_be_checked(tmp_path: Path) -> None:
    events = recorded(tmp_path)
    with pytest.raises(UncheckableError, match="no first event"):
        assert_history_fits([])
    with pytest.raises(AssertionError, match="cannot be checked to its end: only events 1 to 3 were checked"):
        assert_history_fits(as_events(events[0].execution_id, [*events[:3], Unreadable(4, "it is missing")]))
    with pytest.raises(HistoryFileError, match="cannot read"):
        assert_history_fits(tmp_path / "none.jsonl")
