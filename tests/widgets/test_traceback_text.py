"""Tracebacks as lines to read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dive_tui.widgets.events.traceback_text import Folded, Frame, fold_libraries, parse_traceback

TEXT = """Traceback (most recent call last):
  File "/home/ann/shop/pay.py", line 41, in charge
    gateway.post(amount)
    ~~~~~~~~~~~~^^^^^^^^
  File "/home/ann/.venv/lib/python3.12/site-packages/http/client.py", line 88, in post
    return self._send(request)
  File "/usr/lib/python3.12/socket.py", line 7, in send
  File "/home/ann/shop/gateway.py", line 12, in check
    raise CardDeclined(code)
shop.gateway.CardDeclined: insufficient funds
on two lines"""


def test_frames_with_their_source() -> None:
    pieces = parse_traceback(TEXT)
    frames = [piece for piece in pieces if isinstance(piece, Frame)]
    assert [(frame.place("/home/ann/shop"), frame.name) for frame in frames] == [
        ("pay.py:41", "charge"),
        ("http/client.py:88", "post"),
        ("python3.12/socket.py:7", "send"),
        ("gateway.py:12", "check"),
    ]
    assert [frame.source for frame in frames] == [
        ["gateway.post(amount)"], ["return self._send(request)"], [], ["raise CardDeclined(code)"],
    ]  # fmt: skip
    assert len(pieces) == 4, "the error itself is told elsewhere"
    assert frames[0].place() == "shop/pay.py:41"


def test_library_frames_are_folded() -> None:
    folded = list(fold_libraries(parse_traceback(TEXT)))
    assert [type(piece) for piece in folded] == [Frame, Folded, Frame]
    assert folded[1] == Folded(2)


def test_where_all_frames_are_of_libraries_they_stay() -> None:
    pieces = parse_traceback('  File "/usr/lib/python3.12/ast.py", line 52, in parse\nSyntaxError: no')
    assert list(fold_libraries(pieces)) == pieces
    assert len(pieces) == 1


def test_chained_errors_keep_the_sentence_between() -> None:
    text = f"{TEXT}\n\nDuring handling of the above exception, another exception occurred:\n\n{TEXT}"
    words = [piece for piece in parse_traceback(text) if isinstance(piece, str)]
    assert words == [
        "shop.gateway.CardDeclined: insufficient funds",
        "on two lines",
        "During handling of the above exception, another exception occurred:",
    ]


def test_a_frame_without_a_function() -> None:
    (frame,) = parse_traceback('  File "<string>", line 5\nSyntaxError: invalid syntax')
    assert isinstance(frame, Frame)
    assert (frame.place(), frame.name, frame.is_library) == ("<string>:5", "", False)


def test_text_that_is_no_traceback_stays() -> None:
    assert parse_traceback("oh no\n  and more") == ["oh no", "and more"]
    assert parse_traceback("") == []


@given(st.text(alphabet='File "/a.py", line 12, in f\n ^~', max_size=200))
def test_anything_can_be_read(text: str) -> None:
    for piece in fold_libraries(parse_traceback(text)):
        assert isinstance(piece, str | Frame | Folded)
