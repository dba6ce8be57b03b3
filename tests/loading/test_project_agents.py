"""Agents that a project names in its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.loading.project import Project, ProjectError
from engine.loading.project_agents import load_agents


def project_in(folder: Path, settings: str) -> Project:
    (folder / "dive.toml").write_text(settings)
    return Project.discover(folder)


def test_agents_are_found_by_module_and_name(tmp_path: Path) -> None:
    (tmp_path / "found_agents_demo.py").write_text("def writer(prompt):\n    return prompt.upper()\n")
    project = project_in(tmp_path, '[agents]\nwriter = "found_agents_demo:writer"\n')
    assert load_agents(project)["writer"]("hi") == "HI"


def test_without_agents_nothing_is_imported(tmp_path: Path) -> None:
    assert load_agents(project_in(tmp_path, 'store = "x"\n')) == {}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("agents = 3\n", "'agents' must be a table from names to module:object, not 3"),
        ('[agents]\nwriter = "nowhere"\n', "agent 'writer' must be module:object"),
        ("[agents]\nwriter = 3\n", "agent 'writer' must be module:object"),
        ('agent = "x"\n', "unknown key 'agent'; did you mean 'agents'?"),
    ],
)
def test_wrong_settings_are_told(tmp_path: Path, settings: str, sentence: str) -> None:
    with pytest.raises(ProjectError) as caught:
        project_in(tmp_path, settings)
    assert sentence in caught.value.problems[0]


def test_everything_that_cannot_be_had_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "broken_agents_demo.py").write_text("raise RuntimeError('no luck')\n")
    (tmp_path / "other_agents_demo.py").write_text("writer = 1\n")
    project = project_in(
        tmp_path,
        '[agents]\na = "broken_agents_demo:x"\nb = "other_agents_demo:writr"\nc = "absent_agents_demo:x"\n',
    )
    with pytest.raises(ProjectError) as caught:
        load_agents(project)
    assert [problem.partition(" (")[0] for problem in caught.value.problems] == [
        "module 'broken_agents_demo'",
        "module 'other_agents_demo' has no 'writr'",
        "there is no module 'absent_agents_demo'",
    ]
    assert "did you mean 'writer'?" in caught.value.problems[1]
    assert "no luck" in caught.value.traceback
