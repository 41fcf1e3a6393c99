"""The compiled step computes what float32 does, within its bound, for each row as if it were alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from tests.engines.audiocraft.native.random_weights import (
    Form,
    random_columns,
    random_text,
    random_weights,
)
from webapp.engines.audiocraft.decoder.backend import Backend
from webapp.engines.audiocraft.decoder.native.backend import NativeBackend
from webapp.engines.audiocraft.decoder.native.library import Library
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend

BOUND = 0.02
SMALL = Form()

FORMS = {
    "tiny": SMALL,
    "stereo, with biases": Form(codebooks=8, has_biases=True),
    "no round numbers": Form(dim=36, heads=3, codebooks=3, card=50, hidden=100),
    "no round numbers, with biases": Form(dim=90, heads=5, layers=3, card=33, hidden=250, has_biases=True),
    "one head": Form(dim=64, heads=1, layers=1),
    "as deep as musicgen-small": Form(dim=256, layers=24, heads=4, card=128),
    "as wide as musicgen-small": Form(dim=1024, layers=2, heads=16, card=256),
}


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def native(library: Library, form: Form, rows: int, steps: int, *, on_threads: int = 1) -> NativeBackend:
    with threads(on_threads):
        return NativeBackend(library, random_weights(form), rows, steps)


def walk(backend: Backend, rows: Sequence[int], columns: Tensor, prefilled: int = 0) -> list[Tensor]:
    """Prefill `prefilled` columns in parts, then step through the others; return the logits of each step."""
    for start in range(0, prefilled, 37):
        backend.prefill(rows, columns[..., start : min(start + 37, prefilled)])
    return [backend.step(rows, columns[..., at]).clone() for at in range(prefilled, columns.shape[-1])]


def error(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """The norm of the difference, relative, over all steps."""
    return float(
        (torch.stack(list(ours)) - torch.stack(list(theirs))).norm() / torch.stack(list(theirs)).norm()
    )


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_logits_are_those_of_float32_within_the_bound(library: Library, form: Form) -> None:
    columns = random_columns(form, 2, 60)
    walks = []
    for backend in (native(library, form, 2, 60), PlainBackend(random_weights(form), 2, 60)):
        backend.begin(0, random_text(form, 7))
        backend.begin(1, torch.zeros(1, form.dim))
        walks.append(walk(backend, (0, 1), columns, prefilled=40))
    assert error(*walks) < BOUND


def test_a_long_cache_and_a_long_text_are_attended_to_whole(library: Library) -> None:
    """Longer than a chunk of the cache, and more columns and words than are computed at once."""
    columns = random_columns(SMALL, 1, 700)
    walks = []
    for backend in (native(library, SMALL, 1, 700), PlainBackend(random_weights(SMALL), 1, 700)):
        backend.begin(0, random_text(SMALL, 300))
        walks.append(walk(backend, (0,), columns, prefilled=680))
    assert error(*walks) < BOUND


def test_prefill_is_as_good_as_steps(library: Library) -> None:
    columns = random_columns(SMALL, 1, 90)
    stepped, prefilled = native(library, SMALL, 1, 90), native(library, SMALL, 1, 90)
    for backend in (stepped, prefilled):
        backend.begin(0, random_text(SMALL, 4))
    expected = walk(stepped, (0,), columns)
    assert torch.equal(walk(prefilled, (0,), columns, prefilled=80)[-1], expected[-1])


@pytest.mark.parametrize("on_threads", [1, 2, 3])
@pytest.mark.parametrize("company", [1, 2, 3, 6, 11, 40])
def test_a_row_is_the_same_to_the_last_bit_in_any_batch(
    library: Library, company: int, on_threads: int
) -> None:
    form = Form(dim=96, heads=3)
    columns = random_columns(form, company + 1, 30)
    alone = native(library, form, 1, 30)
    alone.begin(0, random_text(form, 9))
    expected = walk(alone, (0,), columns[-1:])
    together = native(library, form, company + 1, 30, on_threads=on_threads)
    for row in range(company):
        together.begin(row, random_text(form, 1 + row, seed=row))
    together.begin(company, random_text(form, 9))
    # The others are further, each at its own place.
    for row in range(company):
        together.prefill((row,), random_columns(form, 1, row % 7))
    ours = [
        together.step(range(company + 1), columns[..., at])[company].clone()
        for at in range(30 - (6 if company > 1 else 0))
    ]
    assert all(torch.equal(mine, other[0]) for mine, other in zip(ours, expected, strict=False))


def test_a_nan_stays_in_its_row_and_goes_with_it(library: Library) -> None:
    columns = random_columns(SMALL, 1, 20)
    alone, backend = native(library, SMALL, 1, 20), native(library, SMALL, 2, 20)
    alone.begin(0, random_text(SMALL, 3))
    expected = walk(alone, (0,), columns)
    backend.begin(0, random_text(SMALL, 3))
    backend.begin(1, random_text(SMALL, 3) * torch.nan)
    for at in range(10):
        logits = backend.step((0, 1), columns[0, :, at].expand(2, -1))
        assert torch.equal(logits[0], expected[at][0])
        assert logits[1].isnan().all()
    backend.begin(1, random_text(SMALL, 3))
    assert all(torch.equal(*pair) for pair in zip(walk(backend, (1,), columns), expected, strict=True))


@pytest.mark.parametrize("again", [NativeBackend.rewind, NativeBackend.release], ids=["rewound", "released"])
def test_a_row_begins_again_as_if_it_were_new(
    library: Library, again: Callable[[NativeBackend, int], None]
) -> None:
    columns = random_columns(SMALL, 1, 20)
    backend = native(library, SMALL, 1, 20)
    backend.begin(0, random_text(SMALL, 3))
    first = walk(backend, (0,), columns)
    again(backend, 0)
    if again is NativeBackend.release:
        with pytest.raises(IndexError):
            backend.step((0,), columns[..., 0])
        backend.begin(0, random_text(SMALL, 3))
    assert all(torch.equal(*pair) for pair in zip(walk(backend, (0,), columns), first, strict=True))


def test_what_does_not_exist_is_refused_and_nothing_is_done(library: Library) -> None:
    columns = random_columns(SMALL, 1, 5)
    backend = native(library, SMALL, 2, 4)
    backend.begin(0, random_text(SMALL, 3))
    for rows, tokens in (
        ((0,), columns[..., 0] * 0 + SMALL.card + 1),
        ((0,), columns[..., 0] * 0 - 1),
        ((1,), columns[..., 0]),
        ((2,), columns[..., 0]),
        ((-1,), columns[..., 0]),
    ):
        with pytest.raises(IndexError):
            backend.step(rows, tokens)
    with pytest.raises(IndexError):
        backend.prefill((0,), columns)
    for tokens in (columns[0], columns[:, 1:, 0]):
        with pytest.raises(ValueError, match="tokens of shape"):
            backend.step((0,), tokens)
    with pytest.raises(ValueError, match="rows"):
        backend.step((0, 0), columns[..., 0].expand(2, -1))
    with pytest.raises(IndexError):
        backend.begin(0, torch.zeros(0, SMALL.dim))
    assert len(walk(backend, (0,), columns[..., :4])) == 4


def test_two_backends_work_side_by_side(library: Library) -> None:
    """Each has threads of its own, and ends them."""
    columns = random_columns(SMALL, 2, 10)
    results = []
    for _ in range(3):
        pair = [native(library, SMALL, 2, 10, on_threads=2) for _ in range(2)]
        for backend in pair:
            backend.begin(0, random_text(SMALL, 3))
            backend.begin(1, torch.zeros(1, SMALL.dim))
        results += [
            torch.stack([backend.step((0, 1), columns[..., at]).clone() for at in range(10)])
            for backend in pair
        ]
    assert all(torch.equal(result, results[0]) for result in results)
