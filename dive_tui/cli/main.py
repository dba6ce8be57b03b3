"""Where every command begins: what is typed is sorted here, so that each command loads only what it needs.

The app is started without loading the parser of the command line: its first frame should not wait for that.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple, NoReturn


class Command(NamedTuple):
    """Where a command lives, and what it does in a line."""

    home: str
    summary: str


COMMANDS = {
    "open": Command("dive_tui.cli.program:open_execution", "Open the app on an execution, at one of its events."),
    "run": Command("dive_tui.cli.run:run", "Run a workflow from a YAML file, or one built in Python."),
    "recover": Command("dive_tui.cli.recover:recover", "Go on with an execution whose process died, or that waits."),
    "work": Command("dive_tui.cli.work:work", "Drive what is due: timers, signals, interrupted executions."),
    "signal": Command("dive_tui.cli.messages:signal", "Send a signal to an execution."),
    "pause": Command("dive_tui.cli.messages:pause", "Start nothing more of an execution until it is resumed."),
    "resume": Command("dive_tui.cli.messages:resume", "Let a paused execution go on."),
    "cancel": Command("dive_tui.cli.messages:cancel", "End an execution cleanly, its children too."),
    "wake": Command(
        "dive_tui.cli.messages:wake", "End the sleeps of an execution, and its delays before retries, now."
    ),
    "list": Command("dive_tui.cli.listing:list_executions", "List executions, newest first."),
    "show": Command("dive_tui.cli.show:show", "Show an execution: inputs, outputs, error, paths and steps."),
    "events": Command("dive_tui.cli.events:events", "Show the events of an execution."),
    "logs": Command("dive_tui.cli.logs:logs", "Show what steps printed and logged, attempt by attempt."),
    "replay": Command(
        "dive_tui.cli.replay.command:replay", "Rebuild the state after an event, and what the event changed."
    ),
    "export": Command("dive_tui.cli.export:export", "Write an execution as JSON, report, picture, trace or test."),
    "diff": Command("dive_tui.cli.diff.command:diff", "Compare executions, states, a snapshot or a definition."),
    "check": Command(
        "dive_tui.cli.check.command:check", "Check that recorded histories fit their definition; nothing is run."
    ),
    "validate": Command("dive_tui.cli.validate:validate", "Check workflow files without running anything."),
    "verify": Command("dive_tui.cli.verify:verify", "Look for damage in what a store holds."),
    "repair": Command("dive_tui.cli.repair:repair", "Mend what verify finds, keeping aside what is cut out."),
    "copy": Command("dive_tui.cli.copy:copy", "Copy executions into another store, of whatever kind."),
    "migrate": Command("dive_tui.cli.migrate:migrate", "Translate a store of the Go system Dive into one of ours."),
    "delete": Command("dive_tui.cli.delete:delete", "Remove executions for good, with all their data."),
    "keys": Command("dive_tui.cli.keys:keys", "List the keys of the app, and check your key map."),
    "demo": Command("dive_tui.cli.demo:demo", "Run a workflow on real files that really fails, and look at it."),
}
"""Every command, in the order help lists them."""

INTERRUPTED = 130
_VALUED = ("--store", "--theme")
_FLAGS = ("--ascii",)


def main() -> NoReturn:
    """The `dive-tui` script."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Carry out a command line and return its exit code; whatever goes wrong is told in a sentence on stderr."""
    for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    debug, arguments = _take_debug(arguments)
    code = 0
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. What is still buffered must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        code = _tell(error, debug)
    finally:
        if debug:
            _tell_of_memory()
    return code


def _take_debug(arguments: list[str]) -> tuple[bool, list[str]]:
    """Whether `--debug` is among the options, and all other arguments."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != "--debug"]
    return len(options) < end, options + arguments[end:]


def _dispatch(arguments: list[str]) -> int:
    refusal = _refusal()
    if refusal is not None:
        from dive_tui.cli.problems import USAGE, tell

        tell([refusal])
        return USAGE
    if arguments == ["--version"]:
        from engine import __version__

        sys.stdout.write(f"dive-tui {__version__}\n")
        return 0
    line = sort_out(arguments)
    wanted = app_call(line)
    if wanted is not None:
        from dive_tui.cli.opening import start_app

        return start_app(*wanted)
    from dive_tui.cli.program import run_program

    return run_program(line)


def _refusal() -> str | None:
    """A sentence when nothing can work here: on Windows, or when another `engine` or `stores` hides ours."""
    if os.name == "nt":
        return "dive-tui runs on Linux and macOS; on Windows use it inside WSL"
    from importlib.util import module_from_spec, spec_from_file_location

    # By its place: `import engine` might find somebody else's package, and run it.
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    spec = spec_from_file_location("dive_tui_hidden", os.path.join(home, "engine", "loading", "hidden.py"))  # noqa: PTH118
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sentence: str | None = module.check_not_hidden(("engine", "stores"))
    return sentence


def _tell(error: Exception, debug: bool) -> int:
    from dive_tui.cli.problems import explain, tell

    if debug:
        import traceback

        trace: str = getattr(error, "traceback", "") or "".join(traceback.format_exception(error))
        tell(trace.splitlines())
    return explain(error)


def _tell_of_memory() -> None:
    from json import dumps

    from dive_tui.cli.problems import tell
    from engine.caching import memory_report

    tell([f"memory: {dumps(memory_report())}"])


class CommandLine(NamedTuple):
    """What was typed, the command in front of its options."""

    command: str
    """Empty for the app at a store."""
    store: str
    """The store that was named by itself, for the app."""
    arguments: list[str]


class AppCall(NamedTuple):
    """How the app is wanted."""

    store: str | None = None
    reference: str | None = None
    ascii: bool = False
    theme: str | None = None


def sort_out(arguments: list[str]) -> CommandLine:
    """Find the command among what was typed, and move the options before it behind it.

    Raises:
        UsageError: the first word is neither a command nor a place where a store could be.
    """
    at = 0
    while at < len(arguments) and arguments[at].startswith("-") and arguments[at] != "--":
        at += 2 if arguments[at] in _VALUED else 1
    if at >= len(arguments) or arguments[at] == "--":
        return CommandLine("", "", arguments)
    word, rest = arguments[at], [*arguments[:at], *arguments[at + 1 :]]
    if word in COMMANDS:
        return CommandLine(word, "", rest)
    if looks_like_store(word):
        return CommandLine("", word, rest)
    from dive_tui.cli.problems import UsageError
    from engine.core.expression_errors import suggestion

    hint = suggestion(word, COMMANDS) or f"; there are {', '.join(COMMANDS)}"
    raise UsageError(f"there is no command {word!r}{hint} (a store with a plain name needs --store {word})")


def looks_like_store(word: str) -> bool:
    r"""Whether a word stands for a store: something of that name exists, or it has `/`, `\`, `:` or a dot in front."""
    return word.startswith(".") or any(mark in word for mark in "/\\:") or os.path.exists(word)  # noqa: PTH110


def app_call(line: CommandLine) -> AppCall | None:
    """How the app is wanted; None when another command is, or the parser should say what is wrong."""
    if line.command not in ("", "open"):
        return None
    values: dict[str, str] = {"--store": line.store} if line.store else {}
    words: list[str] = []
    flags: set[str] = set()
    pending = iter(line.arguments)
    for argument in pending:
        name, equals, value = argument.partition("=")
        if argument in _FLAGS:
            flags.add(argument)
        elif name in _VALUED and name not in values:
            given = value if equals else next(pending, "")
            if not given or given.startswith("-"):
                return None
            values[name] = given
        elif argument.startswith("-"):
            return None
        else:
            words.append(argument)
    if len(words) > (1 if line.command else 0):
        return None
    reference = (words[0] if words else "last") if line.command else None
    return AppCall(values.get("--store"), reference, "--ascii" in flags, values.get("--theme"))
