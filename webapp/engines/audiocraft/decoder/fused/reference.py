"""A reference for each fused kernel, in torch's own operators."""

import torch
from torch import Tensor
from torch.nn import functional


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
    """Normalise float32 (rows, in), multiply by (out, in) in its precision, and apply GELU or nothing."""
    normed = functional.layer_norm(hidden, norm_weight.shape, norm_weight, norm_bias, eps).to(weight.dtype)
    product = functional.linear(normed.float(), weight.float(), None if bias is None else bias.float())
    result = functional.gelu(product) if is_gelu else product
    return result if is_wide else result.to(weight.dtype)


def linear_add(hidden: Tensor, rows: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Add a product of (rows, in) and (out, in) to float32 (rows, out)."""
    hidden += functional.linear(rows.float(), weight.float(), None if bias is None else bias.float())


def cached_attention(qkv: Tensor, keys: Tensor, values: Tensor, positions: Tensor) -> Tensor:
    """Store each row's new key and value at its position, and attend to all columns up to it.

    `qkv` (rows, 3 × dim); `keys` and `values` (rows or more, heads, steps, head_dim).
    """
    _rows, heads, steps, head_dim = keys.shape
    count = len(qkv)
    query, new_key, new_value = qkv.view(count, 3, heads, head_dim).unbind(1)
    rows = torch.arange(count, device=qkv.device)
    keys[rows, :, positions] = new_key
    values[rows, :, positions] = new_value
    is_cached = torch.arange(steps, device=qkv.device) <= positions[:, None]
    return _attend(query, keys[:count], values[:count], is_cached)


def text_attention(queries: Tensor, keys: Tensor, values: Tensor, words: Tensor) -> Tensor:
    """Attend to the first `words` of each row's text: (rows or more, heads, max_words, head_dim)."""
    _rows, heads, max_words, head_dim = keys.shape
    count = len(queries)
    is_word = torch.arange(max_words, device=queries.device) < words[:count, None]
    split = queries.view(count, heads, head_dim)
    return _attend(split, keys[:count], values[:count], is_word)


def _attend(query: Tensor, keys: Tensor, values: Tensor, is_visible: Tensor) -> Tensor:
    scores = (query.float()[:, :, None] * keys.float()).sum(-1) * keys.shape[-1] ** -0.5
    shares = torch.softmax(scores.masked_fill(~is_visible[:, None], -torch.inf), dim=-1)
    attended = (shares[..., None] * values.float()).sum(-2)
    return attended.flatten(1).to(query.dtype)


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
    """Sample the next column of sequences, as GuidedSampler does.

    `pairs` (2, sequences) are the rows of `logits` (rows, codebooks, card) with a sequence's text and
    without; `slots` (sequences) are the sequences' indices in the other tensors: `steps`, the column to
    sample; `settings`, the temperature, top_k, top_p and guidance; `uniform` and `tokens` (slots, columns,
    codebooks). A known token is not replaced.
    """
    temperature, top_k, top_p, guidance = settings[slots].unbind(1)
    text, unconditional = logits[pairs[0]], logits[pairs[1]]
    guided = unconditional + (text - unconditional) * guidance[:, None, None]
    is_greedy = temperature <= 0
    scale = torch.where(is_greedy, 1, temperature)[:, None, None]
    likely = torch.softmax(guided / scale, dim=-1)
    ordered, order = likely.sort(dim=-1, descending=True, stable=True)
    rank = (top_k.long() - 1).clamp(min=0)[:, None, None].expand(-1, likely.shape[1], 1)
    minimum = ordered.gather(-1, rank) * (top_k > 0)[:, None, None]
    share = torch.where(top_p > 0, top_p, 2.0)[:, None, None]
    within = torch.zeros_like(likely).scatter_(
        -1, order, (ordered.cumsum(-1) - ordered <= share).to(likely.dtype)
    )
    cumulated = (likely * (likely >= minimum) * within).cumsum(-1)
    step, whole = steps[slots], cumulated[..., -1:]
    aim = torch.minimum(uniform[slots, step][..., None] * whole, whole.nextafter(torch.zeros_like(whole)))
    sampled = (cumulated <= aim).sum(-1).clamp(max=likely.shape[-1] - 1)
    chosen = torch.where(is_greedy[:, None], guided.argmax(-1), sampled)
    known = tokens[slots, step]
    tokens[slots, step] = torch.where(known < 0, chosen, known)
    not_finite[slots] |= ~guided.isfinite().flatten(1).all(1)
