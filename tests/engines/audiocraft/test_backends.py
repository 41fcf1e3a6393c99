"""Backends compute what AudioCraft computes, for each row as if it were alone."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from tests.engines.audiocraft.traced import TracedCapture
from webapp.engines.audiocraft.conditioning import PromptEncoder, PromptEncoding
from webapp.engines.audiocraft.decoder.backend import Backend
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.decoder.transformer import Transformer
from webapp.engines.audiocraft.loading.model_loader import LoadedModel

Load = Callable[[str], LoadedModel]
Make = Callable[[LoadedModel, int], Backend]
STEPS = 304
PROMPTS = ("rain", "a very long winding story of thunder over the hills", "", "birds")


def plain(model: LoadedModel, rows: int) -> PlainBackend:
    return PlainBackend(model.weights, rows, STEPS)


def graphs(model: LoadedModel, rows: int) -> GraphBackend:
    return GraphBackend(model.weights, rows, STEPS, dtype=torch.float32, capture=TracedCapture())


both = pytest.mark.parametrize("make", [plain, graphs])


def some_columns(model: LoadedModel, count: int, seed: int = 1) -> Tensor:
    """Return columns (codebooks, count), some with the special token."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, model.card + 1, (model.codebooks, count), generator=generator)


@torch.no_grad()
def audiocraft_logits(model: LoadedModel, prompt: str, columns: Tensor) -> Tensor:
    """Compute AudioCraft's own logits (columns, with text and without, codebooks, card), in one pass."""
    from audiocraft.modules.conditioners import ConditioningAttributes  # noqa: PLC0415

    provider = model.lm.condition_provider
    pair = [ConditioningAttributes(text={"description": text}) for text in (prompt, None)]
    conditions = provider(provider.tokenize(pair))
    logits: Tensor = model.lm(columns.expand(2, -1, -1), conditions=[], condition_tensors=conditions)
    return logits.permute(2, 0, 1, 3)


def begin(backend: Backend, rows: Sequence[int], encoding: PromptEncoding) -> None:
    for row, text in zip(rows, (encoding.text, encoding.unconditional), strict=True):
        backend.begin(row, text)


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


@both
@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-stereo"])
def test_logits_are_audiocrafts_own(loaded: Load, make: Make, name: str) -> None:
    """Four sequences start at different steps, some with a prompt."""
    model = loaded(name)
    encoder, backend = PromptEncoder(model), make(model, 8)
    columns = [some_columns(model, 300, seed) for seed in range(4)]
    expected = [audiocraft_logits(model, *job) for job in zip(PROMPTS, columns, strict=True)]
    given, joins, worst = (0, 120, 3, 64), (0, 5, 9, 40), 0.0
    at = dict[int, int]()
    for step in range(120):
        for job in [job for job in range(4) if joins[job] == step]:
            pair = 2 * job, 2 * job + 1
            begin(backend, pair, encoder.encode(PROMPTS[job]))
            known = columns[job][:, : given[job]].expand(2, -1, -1)
            backend.prefill(pair, known[..., :50])
            backend.prefill(pair, known[..., 50:])
            at[job] = given[job]
        rows = [row for job in at for row in (2 * job, 2 * job + 1)]
        logits = backend.step(rows, torch.stack([columns[row // 2][:, at[row // 2]] for row in rows]))
        for place, row in enumerate(rows):
            job = row // 2
            worst = max(worst, relative_error(logits[place], expected[job][at[job], row % 2]))
        at = {job: position + 1 for job, position in at.items()}
    assert worst < 1e-4


@both
def test_rows_are_used_again_in_any_order(loaded: Load, make: Make) -> None:
    model = loaded("tiny-musicgen")
    encoder, backend = PromptEncoder(model), make(model, 6)
    encodings = [encoder.encode(prompt) for prompt in PROMPTS]
    columns = some_columns(model, 40)
    expected = [audiocraft_logits(model, prompt, columns) for prompt in PROMPTS]
    for job in (0, 1, 2):
        begin(backend, (2 * job, 2 * job + 1), encodings[job])
        backend.prefill((2 * job, 2 * job + 1), columns[:, : 5 * job].expand(2, -1, -1))
    for row in (0, 1):
        backend.release(row)
    begin(backend, (1, 0), encodings[3])
    backend.rewind(3)
    backend.rewind(2)
    at = {4: 10, 5: 10, 1: 0, 0: 0, 2: 0, 3: 0}
    shown = {4: (2, 0), 5: (2, 1), 1: (3, 0), 0: (3, 1), 2: (1, 0), 3: (1, 1)}
    for step in range(20):
        # Not everyone takes part in every step.
        rows = [row for row in at if step % 3 or row > 1]
        logits = backend.step(rows, torch.stack([columns[:, at[row]] for row in rows]))
        for place, row in enumerate(rows):
            job, side = shown[row]
            assert relative_error(logits[place], expected[job][at[row], side]) < 1e-4
            at[row] += 1


def test_a_row_is_the_same_to_the_last_bit_alone_and_in_a_batch(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    encoding, columns = PromptEncoder(model).encode(PROMPTS[1]), some_columns(model, 80)
    alone, together = plain(model, 2), plain(model, 8)
    begin(alone, (0, 1), encoding)
    for rows in ((0, 1), (2, 3), (4, 5), (6, 7)):
        begin(together, rows, encoding)
    together.prefill((6, 7), columns[:, :33].expand(2, -1, -1))
    for step in range(80):
        column = columns[:, step]
        expected = alone.step((0, 1), column.expand(2, -1))
        others = 7 - column.expand(2, -1).clamp(max=7)
        logits = together.step((0, 1, 4, 5, 6, 7), torch.cat([others, column.expand(2, -1), others]))
        assert torch.equal(logits[2:4], expected)


@both
def test_a_nan_stays_in_its_row_and_goes_with_it(loaded: Load, make: Make) -> None:
    model = loaded("tiny-musicgen")
    encoding, columns = PromptEncoder(model).encode(PROMPTS[0]), some_columns(model, 30)
    expected = audiocraft_logits(model, PROMPTS[0], columns)
    backend = make(model, 4)
    begin(backend, (0, 1), encoding)
    begin(backend, (2, 3), PromptEncoding(encoding.text * torch.nan, encoding.unconditional))
    for step in range(10):
        logits = backend.step((0, 1, 2, 3), columns[:, step].expand(4, -1))
        assert relative_error(logits[:2], expected[step]) < 1e-4
        assert logits[2].isnan().any()
    begin(backend, (2, 3), encoding)
    for step in range(10):
        logits = backend.step(
            (0, 1, 2, 3), torch.stack([columns[:, 10 + step], columns[:, step]]).repeat_interleave(2, 0)
        )
        assert relative_error(logits[:2], expected[10 + step]) < 1e-4
        assert relative_error(logits[2:], expected[step]) < 1e-4


def test_steps_are_captured_once_for_each_size(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    capture = TracedCapture()
    backend = GraphBackend(model.weights, 16, STEPS, dtype=torch.float32, capture=capture)
    encoding, columns = PromptEncoder(model).encode(PROMPTS[0]), some_columns(model, 260)
    for job in range(5):
        begin(backend, (2 * job, 2 * job + 1), encoding)
    backend.prefill((0, 1), columns[:, :254].expand(2, -1, -1))
    for step in range(4):
        backend.step(range(10), columns[:, step].expand(10, -1))
    assert set(backend.recorded) == {(12, 256), (12, STEPS)}
    for row in range(2, 10):
        backend.release(row)
    backend.step((0, 1), columns[:, 0].expand(2, -1))
    assert set(backend.recorded) == {(12, 256), (12, STEPS), (2, STEPS)}
    # Five steps, and each recording once for proof.
    assert capture.replays == 5 + 3
    words = torch.zeros(100, model.weights.dim)
    backend.begin(2, words)
    assert not backend.recorded


@pytest.mark.parametrize("part", ["text_keys_values", "cache"])
@pytest.mark.parametrize("released", [(4, 0, 1), (0, 1)])
def test_memory_that_runs_out_in_begin_leaves_nothing_behind(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, part: str, released: tuple[int, ...]
) -> None:
    """The caller may release the row or not: it was not begun."""
    model = loaded("tiny-musicgen")
    encoder, backend = PromptEncoder(model), graphs(model, 6)
    columns = some_columns(model, 12)
    for job in (0, 1):
        begin(backend, (2 * job, 2 * job + 1), encoder.encode(PROMPTS[job]))

    def no_memory(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patch:
        if part == "cache":
            patch.setattr(backend, "_new_text_cache", no_memory)
        else:
            patch.setattr(Transformer, "text_keys_values", no_memory)
        with pytest.raises(torch.OutOfMemoryError):
            backend.begin(4, torch.zeros(100, model.weights.dim))
    for row in released:
        backend.release(row)
    begin(backend, (0, 1), encoder.encode(PROMPTS[3]))
    expected = {job: audiocraft_logits(model, PROMPTS[job], columns) for job in (1, 3)}
    for step in range(12):
        logits = backend.step((0, 1, 2, 3), columns[:, step].expand(4, -1))
        assert relative_error(logits[:2], expected[3][step]) < 1e-4
        assert relative_error(logits[2:], expected[1][step]) < 1e-4


def test_the_text_cache_shrinks_after_long_texts(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    backend = graphs(model, 4)
    columns = some_columns(model, 4)
    usual = backend.text_bytes
    backend.begin(0, torch.zeros(100, model.weights.dim))
    assert backend.text_bytes > usual
    backend.release(0)
    assert backend.text_bytes == usual
    begin(backend, (0, 1), PromptEncoder(model).encode(PROMPTS[1]))
    expected = audiocraft_logits(model, PROMPTS[1], columns)
    for step in range(4):
        logits = backend.step((0, 1), columns[:, step].expand(2, -1))
        assert relative_error(logits, expected[step]) < 1e-4
