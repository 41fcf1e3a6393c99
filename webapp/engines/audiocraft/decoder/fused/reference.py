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


def attend_past(qkv: Tensor, keys: Tensor, values: Tensor, positions: Tensor) -> Tensor:
    """Keep each row's new key and value at its position, and look at everything up to it.

    `qkv` (rows, 3 × dim); `keys` and `values` (rows or more, heads, steps, head_dim).
    """
    _rows, heads, steps, head_dim = keys.shape
    count = len(qkv)
    query, new_key, new_value = qkv.view(count, 3, heads, head_dim).unbind(1)
    rows = torch.arange(count, device=qkv.device)
    keys[rows, :, positions] = new_key
    values[rows, :, positions] = new_value
    is_past = torch.arange(steps, device=qkv.device) <= positions[:, None]
    return _attended(query, keys[:count], values[:count], is_past)


def attend_text(queries: Tensor, keys: Tensor, values: Tensor, words: Tensor) -> Tensor:
    """Look at the first `words` of each row's places: (rows or more, heads, places, head_dim)."""
    _rows, heads, places, head_dim = keys.shape
    count = len(queries)
    is_word = torch.arange(places, device=queries.device) < words[:count, None]
    split = queries.view(count, heads, head_dim)
    return _attended(split, keys[:count], values[:count], is_word)


def _attended(query: Tensor, keys: Tensor, values: Tensor, is_seen: Tensor) -> Tensor:
    scores = (query.float()[:, :, None] * keys.float()).sum(-1) * keys.shape[-1] ** -0.5
    shares = torch.softmax(scores.masked_fill(~is_seen[:, None], -torch.inf), dim=-1)
    seen = (shares[..., None] * values.float()).sum(-2)
    return seen.flatten(1).to(query.dtype)


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
    """Decide the next column of some jobs, as GuidedSampler draws it.

    `pairs` (2, jobs) are the rows of `logits` (rows, codebooks, card) with a job's text and without, `places`
    (jobs) where the rest has the job: `steps` which column is next, `settings` its temperature, top_k, top_p
    and guidance, `uniform` and `tokens` (places, columns, codebooks). A token that is there already stays.
    """
    temperature, top_k, top_p, guidance = settings[places].unbind(1)
    text, absent = logits[pairs[0]], logits[pairs[1]]
    guided = absent + (text - absent) * guidance[:, None, None]
    is_greedy = temperature <= 0
    warmth = torch.where(is_greedy, 1, temperature)[:, None, None]
    likely = torch.softmax(guided / warmth, dim=-1)
    ordered, order = likely.sort(dim=-1, descending=True, stable=True)
    rank = (top_k.long() - 1).clamp(min=0)[:, None, None].expand(-1, likely.shape[1], 1)
    least = ordered.gather(-1, rank) * (top_k > 0)[:, None, None]
    share = torch.where(top_p > 0, top_p, 2.0)[:, None, None]
    within = torch.zeros_like(likely).scatter_(
        -1, order, (ordered.cumsum(-1) - ordered <= share).to(likely.dtype)
    )
    cumulated = (likely * (likely >= least) * within).cumsum(-1)
    step, whole = steps[places], cumulated[..., -1:]
    aim = torch.minimum(uniform[places, step][..., None] * whole, whole.nextafter(torch.zeros_like(whole)))
    drawn = (cumulated <= aim).sum(-1).clamp(max=likely.shape[-1] - 1)
    chosen = torch.where(is_greedy[:, None], guided.argmax(-1), drawn)
    before = tokens[places, step]
    tokens[places, step] = torch.where(before < 0, chosen, before)
    sick[places] |= ~guided.isfinite().flatten(1).all(1)
