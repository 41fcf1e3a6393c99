"""Which bytes a Range header asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.http.files.byte_ranges import ByteRange, UnsatisfiableRange, requested_range

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 0)),
        ("bytes=0-99", (0, 99)),
        ("bytes=100-", (100, 999)),
        ("bytes=999-", (999, 999)),
        ("bytes=0-999", (0, 999)),
        ("bytes=0-1000", (0, 999)),
        ("bytes=990-99999999999999999999", (990, 999)),
        ("bytes=-1", (999, 999)),
        ("bytes=-1000", (0, 999)),
        ("bytes=-1001", (0, 999)),
        ("bytes=-" + "9" * 500, (0, 999)),
        ("bytes=007-008", (7, 8)),
        ("BYTES=1-2", (1, 2)),
        ("bytes= 1-2 ", (1, 2)),
        # Malformed, another unit or several ranges: the whole file.
        ("", None),
        ("bytes", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=1", None),
        ("bytes=a-b", None),
        ("bytes=1-2-3", None),
        ("bytes=--1", None),
        ("bytes=+1-2", None),
        ("bytes=0x1-0x2", None),
        ("bytes=1.0-2", None),
        ("bytes=١-٢", None),
        ("bytes=²-³", None),
        ("bytes=0-1,4-5", None),
        ("bytes=0-1, 4-5", None),
        ("bytes=" + ",".join(["0-"] * 1000), None),
        ("items=0-5", None),
        ("0-5", None),
        ("bytes 0-5", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_what_is_asked_for(header: str | None, expected: tuple[int, int] | None) -> None:
    assert requested_range(header, SIZE) == (None if expected is None else ByteRange(*expected))


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=1000-", SIZE),
        ("bytes=1000-2000", SIZE),
        ("bytes=99999999999999999999-", SIZE),
        ("bytes=-0", SIZE),
        ("bytes=0-", 0),
        ("bytes=0-0", 0),
        ("bytes=-5", 0),
    ],
)
def test_what_is_not_there(header: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRange):
        requested_range(header, size)


@given(
    st.text(max_size=40) | st.from_regex(r"bytes=[0-9]{0,25}-[0-9]{0,25}", fullmatch=True),
    st.integers(0, 10**9),
)
def test_a_range_always_lies_in_the_file(header: str, size: int) -> None:
    try:
        part = requested_range(header, size)
    except UnsatisfiableRange:
        return
    assert part is None or (0 <= part.first <= part.last < size and part.length >= 1)
