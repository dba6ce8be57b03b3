"""The step index of histories that the Go system recorded: paths that nobody starts, ends that are missing or late."""

from __future__ import annotations

from engine.model.events import TERMINAL_TYPES, ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import PathState
from engine.replay.index import PathRecord, StepIndex

_WORKS = frozenset({ExecutionEventType.STEP_STARTED, ExecutionEventType.STEP_COMPLETED, ExecutionEventType.STEP_FAILED})


class GoStepIndex(StepIndex):
    """Built like its base; what comes after the end of the execution changes nothing."""

    _ended = False

    def add(self, event: ExecutionEvent, before: PathState | None) -> None:
        """Take in the next event; `before` is its path's state just before it, if the path was open."""
        if self._ended:
            return
        kind = event.event_type
        if kind == ExecutionEventType.PATH_STARTED and event.path_id in self.paths:
            self._start_again(self.paths[event.path_id])
            return
        if kind in _WORKS and event.path_id not in self.paths:
            self._begin_path(event, event.path_id, None if before is None else before.parent)
        super().add(event, before)
        if kind == ExecutionEventType.PATH_BRANCHED:
            self._branch(event, event.data, before)
        elif kind == ExecutionEventType.EXECUTION_STARTED and event.sequence > 1:
            self._end_all(event, "cancelled")
        elif kind in TERMINAL_TYPES and kind != ExecutionEventType.EXECUTION_CONTINUE_AS_NEW:
            self._end_all(event, "completed" if kind == ExecutionEventType.EXECUTION_COMPLETED else "cancelled")
            self._ended = True

    def _start_again(self, path: PathRecord) -> None:
        """After a branch announced it, or in a recovery, which ran everything again under the same id."""
        path.reopen()
        path.final = None

    def _branch(self, event: ExecutionEvent, data: JsonObject, before: PathState | None) -> None:
        for entry in data["new_paths"]:
            name = entry["id"]
            if name in self.paths:
                self._start_again(self.paths[name])
            else:
                self._begin_path(event, name, event.path_id)
        if event.path_id in self.paths:
            self._end_path(event, "completed", before)

    def _end_path(self, event: ExecutionEvent, status: str, before: PathState | None) -> None:
        path = self.paths.get(event.path_id)
        if path is not None and path.ended_seq is None:
            super()._end_path(event, status, before)

    def _end_all(self, event: ExecutionEvent, status: str) -> None:
        for path in self.paths.values():
            if path.ended_seq is None:
                self._end_path(event._replace(path_id=path.id), status, path.final)
