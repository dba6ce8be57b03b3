"""What only a process of its own can show: what is loaded, what hides us, pipes and terminals."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.app.ptyharness import TerminalApp
from tests.cli.histories import record
from tests.cli.shop import COMMAND, ROOT, Shop, environment, one_step

HEAVY = ("textual", "deepdiff", "pydantic", "rich.console", "watchfiles", "engine.lifecycle.engine")

PROBE = """
import sys
import tempfile
from pathlib import Path
from dive_tui.cli.main import execute
code = execute(sys.argv[2:])
print([name for name in sys.argv[1].split(",") if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


def loaded(shop: Shop, *arguments: str) -> list[str]:
    """Which heavy modules a command loads."""
    child = subprocess.run(
        [sys.executable, "-c", PROBE, ",".join([*HEAVY, "cyclopts", "asyncio"]), *arguments],
        cwd=shop.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in child.stderr
    found: list[str] = eval(child.stderr.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("--version", set()),
        ("lst", set()),
        ("", set()),
        ("list --json", {"cyclopts", "asyncio"}),
        ("list", {"cyclopts", "asyncio", "rich.console"}),
        ("show last --json", {"cyclopts", "asyncio"}),
        ("events last", {"cyclopts", "asyncio", "rich.console"}),
        ("logs last --json", {"cyclopts", "asyncio"}),
        ("replay last", {"cyclopts", "asyncio", "rich.console"}),
        ("validate order.yaml --json", {"cyclopts", "pydantic"}),
        ("work --once", {"cyclopts", "asyncio", "pydantic", "rich.console", "engine.lifecycle.engine"}),
        ("run order.yaml -i amount=1", {"cyclopts", "asyncio", "pydantic", "rich.console", "engine.lifecycle.engine"}),
    ],
)
def test_commands_load_what_they_need(shop: Shop, typed: str, expected: set[str]) -> None:
    record(shop.store, 1)
    allowed = expected | {"asyncio"} if expected else expected
    assert expected <= set(loaded(shop, *typed.split())) <= allowed


def test_folder_with_packages_of_our_names(shop: Shop) -> None:
    shop.write("engine/__init__.py", "raise SystemExit('the wrong engine')\n")
    shop.write("stores.py", "raise SystemExit('the wrong stores')\n")
    assert shop.process("run", "order.yaml", "-i", "amount=1").code == 0
    assert shop.process("list").code == 0
    hidden = shop.process("list", env={"PYTHONPATH": f"{shop.folder}:{ROOT}"})
    assert (hidden.code, hidden.out) == (2, "")
    assert hidden.err.startswith(f"{shop.folder}/engine hides the package 'engine' of dive-tui")
    assert hidden.err.count("\n") == 1


def test_reader_that_has_seen_enough(shop: Shop) -> None:
    record(shop.store, 1)
    for arguments in (["events", "last", "--json"], ["events", "last"], ["list"], ["--version"]):
        child = shop.start(*arguments)
        assert child.stdout is not None
        child.stdout.close()
        child.stdout = None
        assert (child.communicate(timeout=60)[1], child.returncode) == ("", 0)


def test_stdout_that_is_closed(shop: Shop) -> None:
    record(shop.store, 1)
    line = " ".join([*COMMAND, "list", ">&-"])
    child = subprocess.run(
        ["sh", "-c", line], cwd=shop.folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert (child.returncode, child.stderr) == (0, "")


def test_encoding_that_has_no_glyphs(shop: Shop) -> None:
    record(shop.store, 118)
    ended = shop.process("list", env={"PYTHONIOENCODING": "latin-1"})
    assert ended.code == 0 and ended.out.isascii() and "x  failed" in ended.out


@pytest.mark.parametrize("options", [{}, {"NO_COLOR": "1"}])
def test_colours_in_a_terminal(shop: Shop, options: dict[str, str]) -> None:
    record(shop.store, 118)
    with TerminalApp([*COMMAND, "list"], columns=40, env=environment() | options, cwd=shop.folder) as terminal:
        assert terminal.wait_for_exit() == 0
        lines = [line for line in terminal.screen().lines if line]
        assert [line.split()[0] for line in lines] == ["EXECUTION", "…00001"]
        assert lines[1].endswith("✗ failed")
        assert (b"\x1b[31m" in terminal.raw) is (not options)
        assert not terminal.unexpected_controls()


def test_terminal_shows_what_goes_on(shop: Shop) -> None:
    shop.write("long.yaml", one_step("wait_for_ever").replace("Only", '"Wait\\e[2J"'))
    with TerminalApp([*COMMAND, "run", "long.yaml"], env=environment(), cwd=shop.folder) as terminal:
        terminal.wait_until(lambda view: list(view.lines[:2]) == ["waiting", "Wait␛[2J"])
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait_for_exit() == 130
        view = terminal.screen()
        assert "cancelling; once more ends at once" in view.text
        assert "cancelled  single" in view.text
        assert not terminal.unexpected_controls()


APP_PROBE = """
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from dive_tui.cli import opening
from dive_tui.cli.main import execute

app = ModuleType("dive_tui.app.main")
def run_app(**wanted):
    print([name for name in ("cyclopts", "pydantic", "rich", "engine.replay") if name in sys.modules])
    return 0
app.run_app = run_app
sys.modules["dive_tui.app.main"] = app
opening.needs_terminal = lambda instead: None
sys.exit(execute(sys.argv[1:]))
"""


@pytest.mark.parametrize("typed", ["", "./.dive --ascii", "open", "open last-1@3", "--store .dive open"])
def test_the_first_frame_waits_for_nothing_of_ours(shop: Shop, typed: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", APP_PROBE, *typed.split()],
        cwd=shop.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "[]\n", "")


AS_NOBODY = """
import os, sys
from pathlib import Path
from dive_tui.cli.main import execute

COMMANDS = (["list"], ["show", "last"], ["run", "order.yaml", "-i", "amount=1"])
for typed in COMMANDS:  # loads everything, while it may still be read
    assert execute(typed) == 0
for path in Path(".dive").rglob("*"):
    path.chmod(0o755 if path.is_dir() else 0o644)
Path(".dive").chmod(int(sys.argv[1], 8))
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print("from here on", file=sys.stderr)
for typed in COMMANDS:
    print("code", execute(typed), file=sys.stderr)
"""


@pytest.mark.parametrize("kind", ["file", "sqlite"])
@pytest.mark.parametrize(("mode", "codes"), [("000", [4, 4, 4]), ("555", [0, 0, 4])])
def test_store_without_permission(mode: str, codes: list[int], kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shop = Shop(Path(folder))
        record(shop.store, 1, kind=kind)
        child = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, mode],
            cwd=shop.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        shop.store.chmod(0o755)
    said = child.stderr.partition("from here on\n")[2].splitlines()
    assert [line for line in said if line.startswith("code ")] == [f"code {code}" for code in codes]
    sentences = [line for line in said if not line.startswith("code ")]
    assert len(sentences) == codes.count(4), "a sentence for each that failed"
    assert all(re.search("ermission|read-only", sentence) and str(shop.store) in sentence for sentence in sentences)
