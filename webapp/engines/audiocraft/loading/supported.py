"""Rejects checkpoints with settings that the decoder does not support, instead of ignoring them."""

from omegaconf import DictConfig

from webapp.engines.base import ModelLoadError
from webapp.weights.catalogue import Kind


def check_supported(config: DictConfig, kind: Kind) -> None:
    """Raise ModelLoadError for a checkpoint with another architecture or conditioning than `kind`."""
    expected = "transformer_lm_magnet" if kind is Kind.MAGNET else "transformer_lm"
    if config.lm_model != expected:
        raise ModelLoadError(f"the checkpoint is not a {kind.value} model")
    _check_conditioning(config)
    _check_transformer(config, kind)
    stereo = config.get("interleave_stereo_codebooks") or {}
    if stereo.get("use") and stereo.get("per_timestep"):
        raise ModelLoadError("the checkpoint interleaves left and right in time, which is not supported")
    pattern = config.codebooks_pattern
    delay = pattern.get("delay") or {}
    if kind is not Kind.MAGNET and (
        pattern.modeling != "delay" or delay.get("flatten_first") or delay.get("empty_initial")
    ):
        raise ModelLoadError("the checkpoint has a codebook pattern that is not supported")
    seconds = (config.get("dataset") or {}).get("segment_duration")
    if not isinstance(seconds, int | float) or not seconds > 0:
        raise ModelLoadError(
            "the checkpoint does not state the length of its windows (dataset.segment_duration)"
        )


def _check_conditioning(config: DictConfig) -> None:
    others = [name for name in config.conditioners if name not in ("description", "args")]
    fused = [str(mode) for mode in ("sum", "prepend", "input_interpolate") if len(config.fuser[mode])]
    if others or fused or config.conditioners.description.model != "t5":
        raise ModelLoadError("the checkpoint is conditioned on more than text, which is not supported")
    if list(config.fuser.cross) != ["description"]:
        raise ModelLoadError("the checkpoint does not attend to its text, which is not supported")
    if config.fuser.get("cross_attention_pos_emb"):
        raise _not_supported("fuser.cross_attention_pos_emb", value=True)
    t5 = config.conditioners.description.t5
    if t5.finetune:
        raise ModelLoadError("the checkpoint has a text encoder of its own, which is not supported")
    if t5.get("normalize_text"):
        # AudioCraft would download a spaCy model for it.
        raise ModelLoadError("the checkpoint normalizes texts before encoding them, which is not supported")


def _check_transformer(config: DictConfig, kind: Kind) -> None:
    """Check the settings that do not show in the weights' shapes, which are checked when they are loaded."""
    settings = config.transformer_lm
    is_causal = bool(settings.get("causal"))
    if is_causal == (kind is Kind.MAGNET):
        raise _not_supported("transformer_lm.causal", value=is_causal)
    if settings.get("qk_layer_norm_cross"):
        raise _not_supported("transformer_lm.qk_layer_norm_cross", value=True)


def _not_supported(setting: str, *, value: bool) -> ModelLoadError:
    return ModelLoadError(f"the checkpoint has {setting}: {str(value).lower()}, which is not supported")
