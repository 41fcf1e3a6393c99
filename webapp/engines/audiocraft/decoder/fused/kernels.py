"""The fused kernels in Triton. Import it only where Triton is; each is what `reference` says.

A program never waits for another one. Sizes in capitals are fixed when a kernel is compiled.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

OUT_BLOCK = 16
IN_BLOCK = 128
PAST_BLOCK = 64
LEAST_ROWS = 16
"""As few as a matrix unit multiplies."""


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
    place = result + row[:, None] * outs + out[None, :]
    tl.store(place, product.to(result.dtype.element_ty), is_row[:, None] & is_out[None, :])


@triton.jit
def _linear_add(
    hidden, given, weight, bias, rows, outs,
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
            given + row[:, None] * INS + start + column[None, :], is_row[:, None] & inside[None, :], 0.0
        )
        matrix = tl.load(
            weight + out[None, :] * INS + start + column[:, None], inside[:, None] & is_out[None, :], 0.0
        )
        product = tl.dot(part, matrix, product, input_precision="ieee")
    if HAS_BIAS:
        product += tl.load(bias + out, is_out, 0.0).to(tl.float32)[None, :]
    place = hidden + row[:, None] * outs + out[None, :]
    is_inside = is_row[:, None] & is_out[None, :]
    tl.store(place, tl.load(place, is_inside, 0.0) + product, is_inside)


@triton.jit
def _attend_past(
    qkv, keys, values, positions, most, sums, seen, steps, splits, scale,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One head of one row over one block of its past; the block that it stands in also keeps what is new."""
    row, head = tl.program_id(0) // HEADS, tl.program_id(0) % HEADS
    split = tl.program_id(1)
    position = tl.load(positions + row)
    if split * BLOCK <= position:
        column = split * BLOCK + tl.arange(0, BLOCK)
        lane = tl.arange(0, WIDTH)
        mine = qkv + row * 3 * HEADS * WIDTH + head * WIDTH + lane
        query = tl.load(mine).to(tl.float32)
        new_key = tl.load(mine + HEADS * WIDTH)
        new_value = tl.load(mine + 2 * HEADS * WIDTH)
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
        place = tl.program_id(0) * splits + split
        tl.store(most + place, highest)
        tl.store(sums + place, tl.sum(shares, axis=0))
        tl.store(seen + place * WIDTH + lane, tl.sum(shares[:, None] * value.to(tl.float32), axis=0))


@triton.jit
def _join_past(
    positions, most, sums, seen, result, splits,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, SPLITS: tl.constexpr,
):  # fmt: skip
    """Join what one head of one row saw in each block."""
    row = tl.program_id(0) // HEADS
    split = tl.arange(0, SPLITS)
    lane = tl.arange(0, WIDTH)
    is_there = split * BLOCK <= tl.load(positions + row)
    place = tl.program_id(0) * splits + split
    highest = tl.load(most + place, is_there, float("-inf"))
    weight = tl.exp(highest - tl.max(highest, axis=0))
    total = tl.sum(weight * tl.load(sums + place, is_there, 0.0), axis=0)
    parts = tl.load(seen + place[:, None] * WIDTH + lane[None, :], is_there[:, None], 0.0)
    joined = tl.sum(weight[:, None] * parts, axis=0) / total
    tl.store(result + tl.program_id(0) * WIDTH + lane, joined.to(result.dtype.element_ty))


@triton.jit
def _attend_text(
    queries, keys, values, words, result, scale,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, PLACES: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) // HEADS
    lane = tl.arange(0, WIDTH)
    query = tl.load(queries + tl.program_id(0) * WIDTH + lane).to(tl.float32)
    count = tl.load(words + row)
    highest = tl.full((), float("-inf"), tl.float32)
    total = tl.zeros((), tl.float32)
    seen = tl.zeros((WIDTH,), tl.float32)
    for start in range(0, PLACES, BLOCK):
        if start < count:
            word = start + tl.arange(0, BLOCK)
            cache = (tl.program_id(0).to(tl.int64) * PLACES + word[:, None]) * WIDTH + lane[None, :]
            key = tl.load(keys + cache, (word < count)[:, None], 0.0).to(tl.float32)
            value = tl.load(values + cache, (word < count)[:, None], 0.0).to(tl.float32)
            scores = tl.where(word < count, tl.sum(query[None, :] * key, axis=1) * scale, float("-inf"))
            higher = tl.maximum(highest, tl.max(scores, axis=0))
            before, shares = tl.exp(highest - higher), tl.exp(scores - higher)
            total = total * before + tl.sum(shares, axis=0)
            seen = seen * before + tl.sum(shares[:, None] * value, axis=0)
            highest = higher
    tl.store(result + tl.program_id(0) * WIDTH + lane, (seen / total).to(result.dtype.element_ty))


@triton.jit
def _draw(
    logits, pairs, places, steps, settings, uniform, tokens, sick, pair_stride, columns,
    CODEBOOKS: tl.constexpr, CARD: tl.constexpr,
):  # fmt: skip
    """The token of one codebook of one job. Likelihoods are above 0: their bits are in the same order."""
    job, codebook = tl.program_id(0) // CODEBOOKS, tl.program_id(0) % CODEBOOKS
    entry = tl.arange(0, CARD)
    place = tl.load(places + job)
    temperature = tl.load(settings + 4 * place)
    top_k = tl.load(settings + 4 * place + 1)
    top_p = tl.load(settings + 4 * place + 2)
    guidance = tl.load(settings + 4 * place + 3)
    text = tl.load(logits + (tl.load(pairs + job) * CODEBOOKS + codebook) * CARD + entry)
    absent = tl.load(logits + (tl.load(pairs + pair_stride + job) * CODEBOOKS + codebook) * CARD + entry)
    guided = absent + (text - absent) * guidance
    if tl.sum((guided - guided == 0.0).to(tl.int32), axis=0) < CARD:
        tl.store(sick + place, tl.full((), 1, tl.int1))
    token = tl.argmax(guided, axis=0)
    if temperature > 0.0:
        likely = tl.exp((guided - tl.max(guided, axis=0)) / temperature)
        likely = likely / tl.sum(likely, axis=0)
        bits = likely.to(tl.int32, bitcast=True)
        # The highest bound that as many as are wanted reach.
        low, high = tl.full((), 0, tl.int32), tl.max(bits, axis=0)
        for _ in range(31):
            middle = high - (high - low) // 2
            is_enough = tl.sum((bits >= middle).to(tl.float32), axis=0) >= top_k
            low, high = tl.where(is_enough, middle, low), tl.where(is_enough, high, middle - 1)
        least = tl.where(top_k > 0.0, low, 0)
        # The lowest bound that not more than the share lies above.
        low, high = tl.full((), 0, tl.int32), tl.max(bits, axis=0)
        for _ in range(31):
            middle = low + (high - low) // 2
            is_within = tl.sum(tl.where(bits > middle, likely, 0.0), axis=0) <= top_p
            low, high = tl.where(is_within, low, middle + 1), tl.where(is_within, middle, high)
        least = tl.maximum(least, tl.where(top_p > 0.0, tl.minimum(low, tl.max(bits, axis=0)), 0))
        cumulated = tl.cumsum(tl.where(bits >= least, likely, 0.0), axis=0)
        whole = tl.max(cumulated, axis=0)
        step = tl.load(steps + place)
        aim = tl.load(uniform + (place * columns + step) * CODEBOOKS + codebook) * whole
        drawn = tl.sum((cumulated <= aim).to(tl.int32), axis=0)
        token = tl.minimum(drawn, tl.sum((cumulated < whole).to(tl.int32), axis=0))
    target = tokens + (place * columns + tl.load(steps + place)) * CODEBOOKS + codebook
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
        INS=ins, ROWS=_padded(rows), OUT_BLOCK=OUT_BLOCK, IN_BLOCK=IN_BLOCK, HAS_BIAS=bias is not None,
        IS_GELU=is_gelu,
    )  # fmt: skip
    return result


def linear_add(hidden: Tensor, rows: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """See :func:`webapp.engines.audiocraft.decoder.fused.reference.linear_add`."""
    (count, ins), outs = rows.shape, len(weight)
    _linear_add[(triton.cdiv(outs, OUT_BLOCK),)](
        hidden, rows, weight, weight if bias is None else bias, count, outs,
        INS=ins, ROWS=_padded(count), OUT_BLOCK=OUT_BLOCK, IN_BLOCK=IN_BLOCK, HAS_BIAS=bias is not None,
    )  # fmt: skip


def attend_past(qkv: Tensor, keys: Tensor, values: Tensor, positions: Tensor) -> Tensor:
    """See :func:`webapp.engines.audiocraft.decoder.fused.reference.attend_past`."""
    _rows, heads, steps, width = keys.shape
    programs, splits = len(qkv) * heads, triton.cdiv(steps, PAST_BLOCK)
    most, sums = (qkv.new_empty(programs, splits, dtype=torch.float32) for _ in range(2))
    seen = qkv.new_empty(programs, splits, width, dtype=torch.float32)
    result = qkv.new_empty(len(qkv), heads * width)
    sizes = {"HEADS": heads, "WIDTH": width, "BLOCK": PAST_BLOCK}
    _attend_past[(programs, splits)](
        qkv, keys, values, positions, most, sums, seen, steps, splits, width**-0.5, **sizes
    )
    _join_past[(programs,)](
        positions, most, sums, seen, result, splits, SPLITS=triton.next_power_of_2(splits), **sizes
    )
    return result


def attend_text(queries: Tensor, keys: Tensor, values: Tensor, words: Tensor) -> Tensor:
    """See :func:`webapp.engines.audiocraft.decoder.fused.reference.attend_text`."""
    _rows, heads, places, width = keys.shape
    result = torch.empty_like(queries)
    _attend_text[(len(queries) * heads,)](
        queries, keys, values, words, result, width**-0.5,
        HEADS=heads, WIDTH=width, BLOCK=PAST_BLOCK, PLACES=places,
    )  # fmt: skip
    return result


def draw(
    logits: Tensor,
    pairs: Tensor,
    places: Tensor,
    steps: Tensor,
    settings: Tensor,
    uniform: Tensor,
    tokens: Tensor,
    sick: Tensor,
) -> None:
    """See :func:`webapp.engines.audiocraft.decoder.fused.reference.draw`."""
    _rows, codebooks, card = logits.shape
    _draw[(len(places) * codebooks,)](
        logits, pairs, places, steps, settings, uniform, tokens, sick, pairs.stride(0), tokens.shape[1],
        CODEBOOKS=codebooks, CARD=card,
    )  # fmt: skip


def _padded(rows: int) -> int:
    return max(LEAST_ROWS, 1 << (rows - 1).bit_length())
