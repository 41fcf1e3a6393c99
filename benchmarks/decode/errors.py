"""Measures the error of logits of a reduced precision against float32, for the same tokens."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from webapp.engines.audiocraft.conditioning import PromptEncoder
from webapp.engines.audiocraft.devices import Precision, free_memory
from webapp.engines.audiocraft.factory import backend_factory
from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
from webapp.engines.base import ModelLoadError
from webapp.weights.catalogue import Kind

PROMPT = "calm rain on a tin roof"
STEPS = 100
REDUCED = {
    "cpu": (Precision.INT8, Precision.BFLOAT16),
    "cuda": (Precision.FLOAT16, Precision.BFLOAT16),
}


def logits_errors(models_dir: Path, checkpoint: str, device: str) -> Mapping[str, float]:
    """For each precision the largest of all steps: norm of the difference by the norm in float32."""
    where = torch.device(device)
    folder, published = models_dir / checkpoint, torch.float16
    model = load_model(folder, models_dir, Kind.MUSICGEN, device=where, dtype=published)
    exact = _forced(model, Precision.FLOAT32)
    errors = {}
    for precision in REDUCED[where.type]:
        free_memory(where)
        try:
            difference = (_forced(model, precision) - exact).flatten(1)
        except ModelLoadError:
            continue  # not to be had on this machine
        errors[str(precision)] = float((difference.norm(dim=1) / exact.flatten(1).norm(dim=1)).max())
    return errors


@torch.inference_mode()
def _forced(model: LoadedModel, precision: Precision) -> Tensor:
    """Logits (steps, text and its absence, codebooks, card) along random tokens."""
    chance = torch.Generator().manual_seed(1)
    columns = torch.randint(0, model.card, (STEPS, 1, model.codebooks), generator=chance).to(model.device)
    backend = backend_factory(precision, model.device)(model.weights, 2, STEPS)
    encoding = PromptEncoder(model).encode(PROMPT)
    backend.begin(0, encoding.text)
    backend.begin(1, encoding.unconditional)
    return torch.stack([backend.step((0, 1), column.expand(2, -1)).clone() for column in columns])
