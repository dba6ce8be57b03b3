"""The parser of the command line: every command by name, loaded when it is called, and its own errors as sentences."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import (
    App,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    RepeatArgumentError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from dive_tui.cli.main import COMMANDS, CommandLine
from dive_tui.cli.options import Common
from dive_tui.cli.problems import UsageError
from engine import __version__
from engine.core.expression_errors import suggestion

_ABOUT = """A durable workflow engine whose every run is an event history, and the terminal debugger that
time-travels through it. Without a command the app opens on the executions of a store."""
_EPILOGUE = "With --debug, before a command or behind it, errors come with tracebacks, and the memory used is told."
Theme = Annotated[str | None, Parameter(metavar="NAME", help="Colours of the app.")]
_KINDS = {int: "a whole number", float: "a number"}


def run_program(line: CommandLine) -> int:
    """Parse a command line and carry it out; returns the exit code.

    Raises:
        UsageError: the command line is wrong.
    """
    tokens = [word for word in (line.command, line.store) if word] + line.arguments
    try:
        code: object = _program(line)(tokens)
    except CycloptsError as error:
        raise UsageError(usage_sentence(error, line.command)) from error
    return code if isinstance(code, int) else 0


def _program(line: CommandLine) -> App:
    program = App(
        name="dive-tui",
        help=_ABOUT,
        help_epilogue=_EPILOGUE,
        help_formatter="default" if sys.stdout.isatty() else "plain",
        version=f"dive-tui {__version__}",
        default_parameter=Parameter(negative=(), show_default=False),
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    program.default(_start)
    if line.command:
        program.command(COMMANDS[line.command].home, name=line.command)
    else:
        # Listing the commands must not load them all; a command's own help has all of its docstring.
        for number, (name, command) in enumerate(COMMANDS.items()):
            program.command(command.home, name=name, help=command.summary, sort_key=number)
    return program


def _start(
    store: Annotated[str | None, Parameter(name="STORE", help="A store to open.")] = None,
    /,
    *,
    theme: Theme = None,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    from dive_tui.cli.opening import start_app

    if store is not None and common.store is not None:
        raise UsageError(f"two stores are named, {store!r} and {common.store!r}; give one")
    return start_app(store or common.store, None, common.ascii, theme)


def open_execution(
    execution: Annotated[
        str, Parameter(name="EXEC", help="An id, a part of one, last (the default), last-failed, last-N; EXEC@SEQ.")
    ] = "last",
    /,
    *,
    theme: Theme = None,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Open the app on an execution, at one of its events."""
    from dive_tui.cli.opening import start_app

    return start_app(common.store, execution, common.ascii, theme)


def usage_sentence(error: CycloptsError, command: str) -> str:
    """What is wrong with a command line, and where to read on."""
    called = f"dive-tui {command}".rstrip()
    complaint = _complaint(error, called)
    return f"{complaint}{' See' if complaint.endswith('?') else '; see'}: {called} --help"


def _complaint(error: CycloptsError, called: str) -> str:
    match error:
        case MissingArgumentError(argument=argument) if argument is not None:
            by_name = argument.name.startswith("-")
            return f"{error.keyword or argument.name} needs a value" if by_name else f"{called} needs {argument.name}"
        case UnusedCliTokensError(unused_tokens=[first, *_]):
            return f"there is no place for {first!r}{_command_hint(first, called)}"
        case UnknownOptionError():
            option = error.token.keyword or error.token.value
            known = [name for argument in error.argument_collection for name in argument.names]
            return f"unknown option {option!r}{suggestion(option, [n for n in known if n.startswith('-')])}"
        case RepeatArgumentError():
            return f"{error.token.keyword} is given twice"
        case CoercionError(token=token, target_type=kind) if token is not None and kind in _KINDS:
            return f"{token.keyword} must be {_KINDS[kind]}, not {token.value!r}"
        case _:
            return str(error).rstrip(".")


def _command_hint(word: str, called: str) -> str:
    if called != "dive-tui" or word not in COMMANDS:
        return ""
    return " behind a store; name the store with --store instead"
