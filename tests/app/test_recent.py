"""The stores a person opened lately: what is remembered, in which order, and that a bad file does no harm."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from dive_tui.app.recent import MOST, RecentStores


def test_the_latest_comes_first_and_each_once(tmp_path: Path) -> None:
    recent = RecentStores(tmp_path / "state" / "stores.json")
    assert recent.all() == []
    for location in ("/a", "/b", "sqlite:/c", "/a"):
        recent.add(location)
    assert RecentStores(tmp_path / "state" / "stores.json").all() == ["/a", "sqlite:/c", "/b"]
    for number in range(2 * MOST):
        recent.add(f"/{number}")
    assert len(recent.all()) == MOST
    assert recent.all()[0] == f"/{2 * MOST - 1}"


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    recent = RecentStores(tmp_path / "state" / "stores.json")
    recent.add("/a")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / "stores.json").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["stores.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"stores": 1}', b'{"stores": [1, null, "/a"]}', b"\xff\xfe", b"[" * 50_000]
)
def test_a_bad_file_is_nothing_remembered(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "stores.json"
    file.write_bytes(content)
    recent = RecentStores(file)
    assert recent.all() in ([], ["/a"])
    recent.add("/b")
    assert recent.all()[0] == "/b"


def test_without_a_place_for_it_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    recent = RecentStores(tmp_path / "state" / "stores.json")
    recent.add("/a")
    assert recent.all() == []
    odd = RecentStores(tmp_path / "stores.json")
    odd.add("/with \udcff lone surrogate")
    assert odd.all() in ([], ["/with \udcff lone surrogate"])


def test_the_user_has_one_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    RecentStores.of_user().add("/a")
    assert [path.name for path in tmp_path.rglob("stores.json")] == ["stores.json"]


def test_a_place_has_one_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    recent = RecentStores(tmp_path / "state" / "stores.json")
    for location in (f"{tmp_path}/b", f"{tmp_path}/a/../b", f"sqlite:{tmp_path}/a/../c"):
        recent.add(location)
    assert recent.all() == [f"sqlite:{tmp_path}/c", f"{tmp_path}/b"]
