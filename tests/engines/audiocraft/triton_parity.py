"""Compares Triton's kernels with their references; `TRITON_INTERPRET=1` does it without a GPU."""

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.fused import kernels, reference

GENERATOR = torch.Generator().manual_seed(1)
LARGEST_ERROR = {torch.float32: 1e-6, torch.float16: 1e-4}


def some(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR).to(dtype)


def check(name: str, ours: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    error = float((ours.float() - expected.float()).norm() / expected.float().norm())
    print(f"{name} in {dtype}: {error:.2g}")  # noqa: T201 - what a failing test shows
    assert error <= LARGEST_ERROR[dtype], name


def check_products(dtype: torch.dtype) -> None:
    for rows, ins, outs, has_bias in ((2, 64, 96, True), (6, 160, 40, False), (18, 128, 64, True)):
        hidden, gain, shift = some(rows, ins), some(ins), some(ins)
        weight, bias = some(outs, ins, dtype=dtype), some(outs, dtype=dtype) if has_bias else None
        for is_gelu, is_wide in ((False, False), (True, False), (False, True)):
            arguments = hidden, gain, shift, 1e-5, weight, bias, is_gelu, is_wide
            check(
                "normed_linear", kernels.normed_linear(*arguments), reference.normed_linear(*arguments), dtype
            )
        inner, ours = some(rows, ins, dtype=dtype), some(rows, outs)
        expected = ours.clone()
        kernels.linear_add(ours, inner, weight, bias)
        reference.linear_add(expected, inner, weight, bias)
        check("linear_add", ours, expected, dtype)


def check_attention(dtype: torch.dtype) -> None:
    qkv, positions = some(4, 3 * 2 * 16, dtype=dtype), torch.tensor([0, 63, 64, 299])
    ours = [some(6, 2, 300, 16, dtype=dtype) for _ in range(2)]
    theirs = [cache.clone() for cache in ours]
    expected = reference.cached_attention(qkv, theirs[0], theirs[1], positions)
    check("cached_attention", kernels.cached_attention(qkv, ours[0], ours[1], positions), expected, dtype)
    assert all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True))
    queries, words = some(4, 32, dtype=dtype), torch.tensor([1, 64, 65, 128, 1, 1])
    keys, values = (some(6, 2, 128, 16, dtype=dtype) for _ in range(2))
    expected = reference.text_attention(queries, keys, values, words)
    check("text_attention", kernels.text_attention(queries, keys, values, words), expected, dtype)


def check_sampling() -> None:
    pairs, slots = torch.tensor([[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]), torch.tensor([0, 2, 1, 4, 3])
    settings = torch.tensor([
        [1.0, 250, 0, 3], [1.3, 0, 0.9, 2], [0, 0, 0, 3], [1, 0, 0, 1], [0.7, 20, 0.5, 3], [0, 0, 0, 0],
    ])  # fmt: skip
    steps = torch.tensor([3, 1, 2, 5, 4, 1])
    for is_broken in (False, False, False, True):
        logits, uniform = 3 * some(12, 4, 512), torch.rand(6, 8, 4, generator=GENERATOR)
        if is_broken:
            logits[3, 0, 5] = torch.nan
        made = []
        for draw in (kernels.draw, reference.draw):
            tokens, not_finite = torch.full((6, 8, 4), -1), torch.zeros(6, dtype=torch.bool)
            tokens[2, 2, 1] = 77
            draw(logits, pairs, slots, steps, settings, uniform, tokens, not_finite)
            made.append((tokens, not_finite))
        assert torch.equal(made[0][1], made[1][1])
        assert bool(made[0][1][2]) == is_broken
        # From logits that are not finite any token may be sampled.
        rest = [0, 1, 3, 4, 5] if is_broken else list(range(6))
        assert torch.equal(made[0][0][rest], made[1][0][rest])


if __name__ == "__main__":
    for number_format in LARGEST_ERROR:
        check_products(number_format)
        check_attention(number_format)
    check_sampling()
