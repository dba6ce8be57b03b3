"""What loading a file gives."""

from __future__ import annotations

from dataclasses import dataclass

from engine.loading.problems import Problem
from engine.model.workflow import Workflow


@dataclass(frozen=True)
class LoadedFile:
    """The workflows of a file that has no errors. A step of one may run another one as its child."""

    file: str
    workflows: list[Workflow]
    warnings: list[Problem]
