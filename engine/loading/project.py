"""The project a command runs in: its configuration, its actions, and workflows built in Python."""

from __future__ import annotations

import importlib
import sys
import tomllib
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from engine.core.expression_errors import shown_text, suggestion
from engine.loading.checks import check_workflow
from engine.loading.files import read_limited
from engine.loading.findings import Findings, as_sentences
from engine.loading.hidden import PACKAGES
from engine.loading.problems import LoadError
from engine.loading.shapes import describe
from engine.model.workflow import Workflow

Durability = Literal["full", "normal", "relaxed"]
_KEYS = ("actions", "agents", "allow", "durability", "store")
_ALLOWABLE = ("http", "shell")
_DURABILITIES = get_args(Durability)
_ACTION_MARK = "__dive_action__"


class ProjectError(ValueError):
    """A project that cannot be used. `problems` holds one sentence each; `traceback` what the project's code raised."""

    def __init__(self, problems: Iterable[str], traceback: str = "") -> None:
        self.problems = list(problems)
        self.traceback = traceback
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Project:
    """What a project's configuration says."""

    root: Path
    """The folder of the configuration; without one, where the search began."""
    actions: tuple[str, ...] = ()
    """Names of the modules that hold the project's actions."""
    store: str | None = None
    """Where executions are recorded, as it is written; relative to `root`."""
    file: Path | None = None
    """The file that says so."""
    allow: tuple[str, ...] = ()
    """Which built-in actions beside those every project has it allows: `http`, `shell`."""
    agents: Mapping[str, str] = field(default_factory=dict)
    """By name where the project's agents are: `module:object`."""
    durability: Durability | None = None
    """What recorded steps of its executions are to survive."""

    @classmethod
    def discover(cls, start: Path) -> Project:
        """The project of the nearest `dive.toml`, or `pyproject.toml` with `[tool.dive]`, in a folder or above it.

        Raises:
            ProjectError: that file is not TOML or has wrong or unknown settings; all of them are told.
        """
        start = start.resolve()
        for folder in (start, *start.parents):
            for name in ("dive.toml", "pyproject.toml"):
                file = folder / name
                settings = _read_settings(file)
                if settings is not None:
                    return cls._from_settings(file, settings)
        return cls(start)

    @classmethod
    def _from_settings(cls, file: Path, settings: Any) -> Project:
        problems = _settings_problems(settings)
        if problems:
            where = str(file) if file.name == "dive.toml" else f"{file} [tool.dive]"
            raise ProjectError(f"{where}: {problem}" for problem in problems)
        actions, allow = tuple(settings.get("actions", ())), tuple(settings.get("allow", ()))
        agents, durability = settings.get("agents", {}), settings.get("durability")
        return cls(file.parent, actions, settings.get("store"), file, allow, agents, durability)


def _read_settings(file: Path) -> Any:
    """The settings in a file; None when there is no such file, or it does not speak of us."""
    try:
        if not file.is_file():
            return None
        source = read_limited(file)
        if file.name == "pyproject.toml" and b"dive" not in source:
            return None
        settings: Any = tomllib.loads(source.decode())
    except PermissionError:
        return None
    except LoadError as error:
        raise ProjectError(map(str, error.problems)) from None
    except UnicodeDecodeError:
        raise ProjectError([f"{file}: not text in UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ProjectError([f"{file}: not TOML: {error}"]) from None
    if file.name == "dive.toml":
        return settings
    tool = settings.get("tool")
    return tool.get("dive") if isinstance(tool, dict) else None


def _settings_problems(settings: Any) -> list[str]:
    if not isinstance(settings, dict):
        return [f"must be a table, not {describe(settings)}"]
    problems = [f"unknown key {shown_text(key)}{suggestion(key, _KEYS)}" for key in settings if key not in _KEYS]
    actions = settings.get("actions", [])
    if not isinstance(actions, list):
        problems.append(f"'actions' must be a list of module names, not {describe(actions)}")
    else:
        problems += [problem for name in actions if (problem := _module_problem(name))]
    problems += _allow_problems(settings.get("allow", []))
    problems += _agents_problems(settings.get("agents", {}))
    durability = settings.get("durability", "full")
    if durability not in _DURABILITIES:
        known = ", ".join(map(repr, _DURABILITIES))
        hint = suggestion(durability, _DURABILITIES) if isinstance(durability, str) else ""
        problems.append(f"'durability' must be one of {known}, not {describe(durability)}{hint}")
    store = settings.get("store", ".dive")
    if not isinstance(store, str) or not store:
        problems.append(f"'store' must be a path, not {describe(store)}")
    return problems


def _allow_problems(allow: Any) -> list[str]:
    if not isinstance(allow, list):
        return [f"'allow' must be a list of {' and '.join(map(repr, _ALLOWABLE))}, not {describe(allow)}"]
    return [
        f"'allow' must be a list of {' and '.join(map(repr, _ALLOWABLE))}; {describe(name)} is neither"
        f"{suggestion(name, _ALLOWABLE)}"
        for name in allow
        if name not in _ALLOWABLE
    ]


def _agents_problems(agents: Any) -> list[str]:
    if not isinstance(agents, dict):
        return [f"'agents' must be a table from names to module:object, not {describe(agents)}"]
    return [
        f"agent {shown_text(name)} must be module:object, such as 'my_app.agents:writer', not {describe(place)}"
        for name, place in agents.items()
        if not is_reference_to_object(place)
    ]


def is_reference_to_object(place: Any) -> bool:
    """Whether it is a text of the form `module:object`."""
    if not isinstance(place, str):
        return False
    module, colon, name = place.partition(":")
    return bool(colon) and name.isidentifier() and all(part.isidentifier() for part in module.split("."))


def _module_problem(name: Any) -> str | None:
    if not isinstance(name, str):
        return f"'actions' must be a list of module names; {describe(name)} is none"
    if not all(part.isidentifier() for part in name.split(".")):
        return f"'actions' must be a list of module names such as 'my_app.actions'; {shown_text(name)} is none"
    if name.partition(".")[0] in PACKAGES:
        return f"the module {name!r} has the name of a package of dive-tui and cannot be imported; rename it"
    return None


def load_actions(project: Project, register: Callable[[ModuleType], object]) -> list[str]:
    """Import the project's action modules and hand each to `register`; returns warnings.

    The project's folder is put at the end of `sys.path`, so that it hides nothing.

    Raises:
        ProjectError: modules that are not there, or raise while they are imported or registered; all of them are told.
    """
    extend_search_path(project.root)
    problems: list[str] = []
    tracebacks: list[str] = []
    warnings: list[str] = []
    for name in project.actions:
        try:
            module = import_module(name, f" (named in {project.file})")
            register(module)
        except ProjectError as error:
            problems += error.problems
            tracebacks += [error.traceback] if error.traceback else []
        except ValueError as error:
            problems.append(f"module {name!r}: {error}")
        else:
            if not any(hasattr(value, _ACTION_MARK) for value in list(vars(module).values())):
                place = getattr(module, "__file__", None) or "a namespace package"
                warnings.append(f"module {name!r} ({place}) has no function marked with @action")
    if problems:
        raise ProjectError(problems, "\n".join(tracebacks))
    return warnings


def load_module_workflow(reference: str, root: Path | None = None) -> Workflow:
    """The workflow object that `module:name` refers to; `root` is put at the end of `sys.path`.

    Raises:
        ProjectError: there is no such module or name, importing it raises, it is no workflow, or one with errors.
    """
    module_name, _, attribute = reference.partition(":")
    if not is_reference_to_object(reference):
        raise ProjectError([f"{shown_text(reference)} is not of the form module:name, such as my_app.flows:nightly"])
    if root is not None:
        extend_search_path(root)
    module = import_module(module_name)
    found = getattr(module, attribute, None)
    if isinstance(found, Workflow):
        return _checked(found, reference)
    workflows = [name for name, value in vars(module).items() if isinstance(value, Workflow)]
    held = f"; it holds {', '.join(map(repr, workflows))}" if workflows else "; it holds no workflow"
    if not hasattr(module, attribute):
        hint = suggestion(attribute, workflows) or held
        raise ProjectError([f"module {module_name!r} has no {attribute!r}{hint}"])
    raise ProjectError([f"{reference!r} is not a Workflow but of type {type(found).__name__}{held}"])


def _checked(workflow: Workflow, reference: str) -> Workflow:
    found = Findings()
    try:
        definition = workflow.to_dict()
    except ValueError as error:
        raise ProjectError([f"{reference}: the definition has no JSON form: {error}"]) from None
    check_workflow(found, (), definition)
    sentences = as_sentences(found.found)
    if sentences:
        raise ProjectError(f"{reference}: {sentence}" for sentence in sentences)
    return workflow


def extend_search_path(folder: Path) -> None:
    """Let modules in a folder be found, after all that could be found before."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()


def import_module(name: str, why: str = "") -> ModuleType:
    """Import a module of the project.

    Raises:
        ProjectError: it is not there, or raises; with the module's own traceback.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ProjectError([f"there is no module {name!r}{why}"]) from None
        raise _import_failure(name, why, error) from error
    except (Exception, SystemExit) as error:
        raise _import_failure(name, why, error) from error


def _import_failure(name: str, why: str, error: BaseException) -> ProjectError:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_machinery(frame.filename)]
    text = "".join(
        [
            "Traceback (most recent call last):\n",
            *traceback.format_list(frames),
            *traceback.format_exception_only(error),
        ]
    )
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    reason = " ".join(str(error).split())
    what = type(error).__name__ + (f": {reason}" if reason else "")
    return ProjectError([f"module {name!r}{why} cannot be imported: {what}{place}"], text)


def _is_machinery(filename: str) -> bool:
    """Whether a frame belongs to the import of a module, not to the module."""
    return filename in {__file__, importlib.__file__} or filename.startswith("<frozen importlib")
