"""Checkpoints of the published shapes with random weights, for measurements where no weights may be had."""

from pathlib import Path

from tests.engines.audiocraft.tiny import Tiny, write_models, write_text_encoder
from webapp.weights.catalogue import Checkpoint

TEXT_ENCODER_SHAPES = {
    "t5-base": {"d_model": 768, "d_kv": 64, "d_ff": 3072, "num_layers": 12, "num_heads": 12},
    "t5-large": {"d_model": 1024, "d_kv": 64, "d_ff": 4096, "num_layers": 24, "num_heads": 16},
}
T5_VOCABULARY = 32_128
CODEC_RATIOS = {32_000: (8, 5, 4, 4), 16_000: (8, 5, 4, 2)}


def write_full_size(models_dir: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint as large as the published one, its codec and its text encoder; returns its folder.

    Building it takes twice its published size in memory.
    """
    text = checkpoint.text_encoder.name
    write_text_encoder(models_dir / text, vocab_size=T5_VOCABULARY, **TEXT_ENCODER_SHAPES[text])
    shape = checkpoint.shape
    built = Tiny(
        checkpoint.kind.value,
        stereo=checkpoint.channels == 2,
        sample_rate=checkpoint.sample_rate,
        ratios=CODEC_RATIOS[checkpoint.sample_rate],
        segment_s=checkpoint.window_s,
        dim=shape.dim,
        layers=shape.layers,
        heads=shape.heads,
        card=2048,
        codec_width=128,
        codec_filters=64,
        text_encoder=text,
        is_half=True,
    )
    return write_models(models_dir, built, checkpoint.name)
