"""AudioCraft's own generation, and that of transformers."""

from pathlib import Path
from typing import Any

import torch

from benchmarks.decode.timing import FRAME_RATE_HZ, Run, Steps, timed
from tests.engines.audiocraft.tiny import without_t5_download
from webapp.engines.audiocraft.loading.importing import import_audiocraft
from webapp.weights.catalogue import Checkpoint

PROMPT = "calm rain on a tin roof"
GUIDANCE = 3.0
TOP_K = 250


class AudioCraft:
    """AudioCraft's MusicGen with the same checkpoint as ours, through its own loader and `generate`.

    It chooses its precision: float32 on a processor, float16 on a GPU.
    """

    name = "audiocraft"

    def __init__(self, models_dir: Path, checkpoint: str, device: str) -> None:
        import_audiocraft()
        from audiocraft.models import MusicGen  # noqa: PLC0415 - after its stand-ins

        with without_t5_download(models_dir):
            self._model: Any = MusicGen.get_pretrained(str(models_dir / checkpoint), device=device)

    def run(self, steps: int) -> Run:
        noted = Steps()
        self._model.set_generation_params(
            duration=steps / FRAME_RATE_HZ, top_k=TOP_K, cfg_coef=GUIDANCE, use_sampling=True
        )
        self._model.set_custom_progress_callback(lambda _done, _total: noted.ended())

        def generate() -> None:
            self._model.generate([PROMPT], progress=True).cpu()

        return timed(noted, generate)


class Transformers:
    """The MusicGen of transformers in the same shape, with the cache that it is meant to be used with."""

    name = "transformers"

    def __init__(self, checkpoint: Checkpoint, device: str) -> None:
        from transformers import (  # noqa: PLC0415 - heavy
            EncodecConfig,
            MusicgenConfig,
            MusicgenDecoderConfig,
            MusicgenForConditionalGeneration,
            T5Config,
        )

        shape = checkpoint.shape
        decoder = MusicgenDecoderConfig(
            hidden_size=shape.dim,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            ffn_dim=4 * shape.dim,
            num_codebooks=shape.codebooks,
            vocab_size=2048,
        )
        text = T5Config(d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12, vocab_size=32_128)
        codec = EncodecConfig(
            sampling_rate=32_000,
            audio_channels=1,
            upsampling_ratios=[8, 5, 4, 4],
            num_filters=64,
            hidden_size=128,
            codebook_size=2048,
            target_bandwidths=[2.2],
            normalize=False,
            use_causal_conv=False,
        )
        config = MusicgenConfig(
            text_encoder=text.to_dict(), audio_encoder=codec.to_dict(), decoder=decoder.to_dict()
        )
        dtype = torch.float16 if device.startswith("cuda") else torch.float32
        model: Any = MusicgenForConditionalGeneration(config)
        self._model = model.to(device=device, dtype=dtype).eval()
        self._words = torch.randint(3, 1000, (1, 10), device=device)

    @torch.inference_mode()
    def run(self, steps: int) -> Run:
        from transformers import DynamicCache, EncoderDecoderCache, LogitsProcessorList  # noqa: PLC0415

        noted = Steps()

        def note(_tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            noted.ended()
            return scores

        def generate() -> None:
            self._model.generate(
                input_ids=self._words,
                attention_mask=torch.ones_like(self._words),
                do_sample=True,
                top_k=TOP_K,
                guidance_scale=GUIDANCE,
                max_new_tokens=steps,
                logits_processor=LogitsProcessorList([note]),
                past_key_values=EncoderDecoderCache(DynamicCache(), DynamicCache()),
            ).cpu()

        return timed(noted, generate)
