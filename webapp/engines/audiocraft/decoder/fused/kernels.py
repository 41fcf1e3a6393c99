"""The fused kernels in Triton; `reference` defines what each computes. Importing it needs Triton.

No program waits for another one. Sizes in capitals are compile-time constants.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

OUT_BLOCK = 16
IN_BLOCK = 128
CACHE_BLOCK = 64
MIN_ROWS = 16
"""The fewest rows that a matrix unit multiplies."""


@triton.jit
def _normed_linear(
    hidden, norm_weight, norm_bias, weight, bias, result, rows, outs, eps,
    INS: tl.constexpr, ROWS: tl.constexpr, OUT_BLOCK: tl.constexpr, IN_BLOCK: tl.constexpr,
    HAS_BIAS: tl.constexpr, IS_GELU: tl.constexpr,
):  # fmt: skip
    row = tl.arange(0, ROWS)
    out = tl.program_id(0) * OUT_BLOCK + tl.arange(0, OUT_BLOCK)
    column = tl.arange(0, IN_BLOCK)
    is_row, is_out = row < rows, out < outs
    total = tl.zeros((ROWS,), tl.float32)
    for start in range(0, INS, IN_BLOCK):
        inside = start + column < INS
        part = tl.load(
            hidden + row[:, None] * INS + start + column[None, :], is_row[:, None] & inside[None, :], 0.0
        )
        total += tl.sum(part, axis=1)
    mean = total / INS
    total = tl.zeros((ROWS,), tl.float32)
    for start in range(0, INS, IN_BLOCK):
        inside = start + column < INS
        part = tl.load(
            hidden + row[:, None] * INS + start + column[None, :], is_row[:, None] & inside[None, :], 0.0
        )
        apart = tl.where(inside[None, :], part - mean[:, None], 0.0)
        total += tl.sum(apart * apart, axis=1)
    scale = 1.0 / tl.sqrt(total / INS + eps)
    product = tl.zeros((ROWS, OUT_BLOCK), tl.float32)
    for start in range(0, INS, IN_BLOCK):
        inside = start + column < INS
        part = tl.load(
            hidden + row[:, None] * INS + start + column[None, :], is_row[:, None] & inside[None, :], 0.0
        )
        gain = tl.load(norm_weight + start + column, inside, 0.0)
        shift = tl.load(norm_bias + start + column, inside, 0.0)
        normed = (part - mean[:, None]) * scale[:, None] * gain[None, :] + shift[None, :]
        matrix = tl.load(
            weight + out[None, :] * INS + start + column[:, None], inside[:, None] & is_out[None, :], 0.0
        )
        product = tl.dot(normed.to(matrix.dtype), matrix, product, input_precision="ieee")
    if HAS_BIAS:
        product += tl.load(bias + out, is_out, 0.0).to(tl.float32)[None, :]
    if IS_GELU:
        product = product * 0.5 * (1.0 + tl.erf(product * 0.7071067811865476))
    target = result + row[:, None] * outs + out[None, :]
    tl.store(target, product.to(result.dtype.element_ty), is_row[:, None] & is_out[None, :])


@triton.jit
def _linear_add(
    hidden, inputs, weight, bias, rows, outs,
    INS: tl.constexpr, ROWS: tl.constexpr, OUT_BLOCK: tl.constexpr, IN_BLOCK: tl.constexpr,
    HAS_BIAS: tl.constexpr,
):  # fmt: skip
    row = tl.arange(0, ROWS)
    out = tl.program_id(0) * OUT_BLOCK + tl.arange(0, OUT_BLOCK)
    column = tl.arange(0, IN_BLOCK)
    is_row, is_out = row < rows, out < outs
    product = tl.zeros((ROWS, OUT_BLOCK), tl.float32)
    for start in range(0, INS, IN_BLOCK):
        inside = start + column < INS
        part = tl.load(
            inputs + row[:, None] * INS + start + column[None, :], is_row[:, None] & inside[None, :], 0.0
        )
        matrix = tl.load(
            weight + out[None, :] * INS + start + column[:, None], inside[:, None] & is_out[None, :], 0.0
        )
        product = tl.dot(part, matrix, product, input_precision="ieee")
    if HAS_BIAS:
        product += tl.load(bias + out, is_out, 0.0).to(tl.float32)[None, :]
    target = hidden + row[:, None] * outs + out[None, :]
    is_inside = is_row[:, None] & is_out[None, :]
    tl.store(target, tl.load(target, is_inside, 0.0) + product, is_inside)


@triton.jit
def _cached_attention(
    qkv, keys, values, positions, maxima, sums, attended, steps, splits, scale,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Attend with one head of one row to one block of its cache; the last block stores the new column."""
    row, head = tl.program_id(0) // HEADS, tl.program_id(0) % HEADS
    split = tl.program_id(1)
    position = tl.load(positions + row)
    if split * BLOCK <= position:
        column = split * BLOCK + tl.arange(0, BLOCK)
        lane = tl.arange(0, WIDTH)
        source = qkv + row * 3 * HEADS * WIDTH + head * WIDTH + lane
        query = tl.load(source).to(tl.float32)
        new_key = tl.load(source + HEADS * WIDTH)
        new_value = tl.load(source + 2 * HEADS * WIDTH)
        cache = ((row * HEADS + head).to(tl.int64) * steps + column[:, None]) * WIDTH + lane[None, :]
        is_before, is_here = column < position, column == position
        key = tl.load(keys + cache, is_before[:, None], 0.0)
        value = tl.load(values + cache, is_before[:, None], 0.0)
        key = tl.where(is_here[:, None], new_key[None, :], key)
        value = tl.where(is_here[:, None], new_value[None, :], value)
        tl.store(keys + cache, key, is_here[:, None])
        tl.store(values + cache, value, is_here[:, None])
        scores = tl.sum(query[None, :] * key.to(tl.float32), axis=1) * scale
        scores = tl.where(column <= position, scores, float("-inf"))
        highest = tl.max(scores, axis=0)
        shares = tl.exp(scores - highest)
        offset = tl.program_id(0) * splits + split
        tl.store(maxima + offset, highest)
        tl.store(sums + offset, tl.sum(shares, axis=0))
        tl.store(attended + offset * WIDTH + lane, tl.sum(shares[:, None] * value.to(tl.float32), axis=0))


@triton.jit
def _merge_splits(
    positions, maxima, sums, attended, result, splits,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, SPLITS: tl.constexpr,
):  # fmt: skip
    """Merge the partial results of one head of one row over its blocks."""
    row = tl.program_id(0) // HEADS
    split = tl.arange(0, SPLITS)
    lane = tl.arange(0, WIDTH)
    is_valid = split * BLOCK <= tl.load(positions + row)
    offset = tl.program_id(0) * splits + split
    highest = tl.load(maxima + offset, is_valid, float("-inf"))
    weight = tl.exp(highest - tl.max(highest, axis=0))
    total = tl.sum(weight * tl.load(sums + offset, is_valid, 0.0), axis=0)
    parts = tl.load(attended + offset[:, None] * WIDTH + lane[None, :], is_valid[:, None], 0.0)
    joined = tl.sum(weight[:, None] * parts, axis=0) / total
    tl.store(result + tl.program_id(0) * WIDTH + lane, joined.to(result.dtype.element_ty))


@triton.jit
def _text_attention(
    queries, keys, values, words, result, scale,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, MAX_WORDS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) // HEADS
    lane = tl.arange(0, WIDTH)
    query = tl.load(queries + tl.program_id(0) * WIDTH + lane).to(tl.float32)
    count = tl.load(words + row)
    highest = tl.full((), float("-inf"), tl.float32)
    total = tl.zeros((), tl.float32)
    attended = tl.zeros((WIDTH,), tl.float32)
    for start in range(0, MAX_WORDS, BLOCK):
        if start < count:
            word = start + tl.arange(0, BLOCK)
            cache = (tl.program_id(0).to(tl.int64) * MAX_WORDS + word[:, None]) * WIDTH + lane[None, :]
            key = tl.load(keys + cache, (word < count)[:, None], 0.0).to(tl.float32)
            value = tl.load(values + cache, (word < count)[:, None], 0.0).to(tl.float32)
            scores = tl.where(word < count, tl.sum(query[None, :] * key, axis=1) * scale, float("-inf"))
            higher = tl.maximum(highest, tl.max(scores, axis=0))
            before, shares = tl.exp(highest - higher), tl.exp(scores - higher)
            total = total * before + tl.sum(shares, axis=0)
            attended = attended * before + tl.sum(shares[:, None] * value, axis=0)
            highest = higher
    tl.store(result + tl.program_id(0) * WIDTH + lane, (attended / total).to(result.dtype.element_ty))


@triton.jit
def _draw(
    logits, pairs, slots, steps, settings, uniform, tokens, not_finite, pair_stride, columns,
    CODEBOOKS: tl.constexpr, CARD: tl.constexpr,
):  # fmt: skip
    """Sample the token of one codebook of one sequence. Probabilities are above 0: their bits sort alike."""
    sequence, codebook = tl.program_id(0) // CODEBOOKS, tl.program_id(0) % CODEBOOKS
    entry = tl.arange(0, CARD)
    slot = tl.load(slots + sequence)
    temperature = tl.load(settings + 4 * slot)
    top_k = tl.load(settings + 4 * slot + 1)
    top_p = tl.load(settings + 4 * slot + 2)
    guidance = tl.load(settings + 4 * slot + 3)
    text = tl.load(logits + (tl.load(pairs + sequence) * CODEBOOKS + codebook) * CARD + entry)
    unconditional = tl.load(
        logits + (tl.load(pairs + pair_stride + sequence) * CODEBOOKS + codebook) * CARD + entry
    )
    guided = unconditional + (text - unconditional) * guidance
    if tl.sum((guided - guided == 0.0).to(tl.int32), axis=0) < CARD:
        tl.store(not_finite + slot, tl.full((), 1, tl.int1))
    token = tl.argmax(guided, axis=0)
    if temperature > 0.0:
        likely = tl.exp((guided - tl.max(guided, axis=0)) / temperature)
        likely = likely / tl.sum(likely, axis=0)
        bits = likely.to(tl.int32, bitcast=True)
        # The highest threshold that at least top_k tokens reach.
        low, high = tl.full((), 0, tl.int32), tl.max(bits, axis=0)
        for _ in range(31):
            middle = high - (high - low) // 2
            is_enough = tl.sum((bits >= middle).to(tl.float32), axis=0) >= top_k
            low, high = tl.where(is_enough, middle, low), tl.where(is_enough, high, middle - 1)
        minimum = tl.where(top_k > 0.0, low, 0)
        # The lowest threshold with a total probability of at most top_p above it.
        low, high = tl.full((), 0, tl.int32), tl.max(bits, axis=0)
        for _ in range(31):
            middle = low + (high - low) // 2
            is_within = tl.sum(tl.where(bits > middle, likely, 0.0), axis=0) <= top_p
            low, high = tl.where(is_within, low, middle + 1), tl.where(is_within, middle, high)
        minimum = tl.maximum(minimum, tl.where(top_p > 0.0, tl.minimum(low, tl.max(bits, axis=0)), 0))
        cumulated = tl.cumsum(tl.where(bits >= minimum, likely, 0.0), axis=0)
        whole = tl.max(cumulated, axis=0)
        step = tl.load(steps + slot)
        aim = tl.load(uniform + (slot * columns + step) * CODEBOOKS + codebook) * whole
        sampled = tl.sum((cumulated <= aim).to(tl.int32), axis=0)
        token = tl.minimum(sampled, tl.sum((cumulated < whole).to(tl.int32), axis=0))
    target = tokens + (slot * columns + tl.load(steps + slot)) * CODEBOOKS + codebook
    if tl.load(target) < 0:
        tl.store(target, token.to(tl.int64))


def normed_linear(
    hidden: Tensor,
    norm_weight: Tensor,
    norm_bias: Tensor,
    eps: float,
    weight: Tensor,
    bias: Tensor | None,
    is_gelu: bool,
    is_wide: bool,
) -> Tensor:
    """See :func:`webapp.engines.audiocraft.decoder.fused.reference.normed_linear`."""
    (rows, ins), outs = hidden.shape, len(weight)
    result = hidden.new_empty(rows, outs, dtype=torch.float32 if is_wide else weight.dtype)
    _normed_linear[(triton.cdiv(outs, OUT_BLOCK),)](
        hidden, norm_weight, norm_bias, weight, weight if bias is None else bias, result, rows, outs, eps,
        INS=ins, ROWS=_padded_rows(rows), OUT_BLOCK=OUT_BLOCK, IN_BLOCK=IN_BLOCK, HAS_BIAS=bias is not None,
        IS_GELU=is_gelu,
    )  # fmt: skip
    return result


def linear_add(hidden: Tensor, rows: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """See :func:`webapp.engines.audiocraft.decoder.fused.reference.linear_add`."""
    (count, ins), outs = rows.shape, len(weight)
    _linear_add[(triton.cdiv(outs, OUT_BLOCK),)](
        hidden, rows, weight, weight if bias is None else bias, count, outs,
        INS=ins, ROWS=_padded_rows(count), OUT_BLOCK=OUT_BLOCK, IN_BLOCK=IN_BLOCK, HAS_BIAS=bias is not None,
    )  # fmt: skip


def cached_attention(qkv: Tensor, keys: Tensor, values: Tensor, positions: Tensor) -> Tensor:
    """See :func:`webapp.engines.audiocraft.decoder.fused.reference.cached_attention`."""
    _rows, heads, steps, width = keys.shape
    programs, splits = len(qkv) * heads, triton.cdiv(steps, CACHE_BLOCK)
    maxima, sums = (qkv.new_empty(programs, splits, dtype=torch.float32) for _ in range(2))
    attended = qkv.new_empty(programs, splits, width, dtype=torch.float32)
    result = qkv.new_empty(len(qkv), heads * width)
    sizes = {"HEADS": heads, "WIDTH": width, "BLOCK": CACHE_BLOCK}
    _cached_attention[(programs, splits)](
        qkv, keys, values, positions, maxima, sums, attended, steps, splits, width**-0.5, **sizes
    )
    _merge_splits[(programs,)](
        positions, maxima, sums, attended, result, splits, SPLITS=triton.next_power_of_2(splits), **sizes
    )
    return result


def text_attention(queries: Tensor, keys: Tensor, values: Tensor, words: Tensor) -> Tensor:
    """See :func:`webapp.engines.audiocraft.decoder.fused.reference.text_attention`."""
    _rows, heads, max_words, width = keys.shape
    result = torch.empty_like(queries)
    _text_attention[(len(queries) * heads,)](
        queries, keys, values, words, result, width**-0.5,
        HEADS=heads, WIDTH=width, BLOCK=CACHE_BLOCK, MAX_WORDS=max_words,
    )  # fmt: skip
    return result


def draw(
    logits: Tensor,
    pairs: Tensor,
    slots: Tensor,
    steps: Tensor,
    settings: Tensor,
    uniform: Tensor,
    tokens: Tensor,
    not_finite: Tensor,
) -> None:
    """See :func:`webapp.engines.audiocraft.decoder.fused.reference.draw`."""
    _rows, codebooks, card = logits.shape
    _draw[(len(slots) * codebooks,)](
        logits, pairs, slots, steps, settings, uniform, tokens, not_finite, pairs.stride(0), tokens.shape[1],
        CODEBOOKS=codebooks, CARD=card,
    )  # fmt: skip


def _padded_rows(rows: int) -> int:
    return max(MIN_ROWS, 1 << (rows - 1).bit_length())
