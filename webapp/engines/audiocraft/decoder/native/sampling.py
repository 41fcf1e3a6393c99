"""Drawing tokens by the compiled library: on a processor a few vector loops cost less than calling torch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.native.library import Choice, Library, pointer, usual_library
from webapp.engines.audiocraft.sampling import DrawerFactory, TokenSampling


class NativeDrawer:
    """A :class:`webapp.engines.audiocraft.sampling.Drawer` for logits in the host's memory."""

    def __init__(self, library: Library, jobs: Sequence[TokenSampling], card: int) -> None:
        self._library = library
        self._card = card
        self._choices = (Choice * len(jobs))(
            *(Choice(max(job.temperature, 0.0), job.top_p, job.guidance, job.top_k) for job in jobs)
        )

    def __call__(self, logits: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Raises ValueError for shapes that do not fit the jobs: the library would read beyond them."""
        jobs, codebooks = uniform.shape
        if jobs != len(self._choices) or logits.shape != (jobs, 2, codebooks, self._card):
            raise ValueError(f"logits of shape {tuple(logits.shape)} for {len(self._choices)} jobs")
        logits, uniform = logits.float().contiguous(), uniform.float().contiguous()
        tokens = torch.empty(jobs, codebooks, dtype=torch.int64)
        is_sound = torch.empty(jobs, dtype=torch.bool)
        self._library.call(
            "draw",
            pointer(logits),
            jobs,
            codebooks,
            self._card,
            self._choices,
            pointer(uniform),
            pointer(tokens),
            pointer(is_sound),
        )
        return tokens, is_sound


def native_drawers() -> DrawerFactory:
    """Makes drawers of the compiled library. Raises NativeUnavailable where it cannot be had."""
    library = usual_library()

    def make(jobs: Sequence[TokenSampling], card: int, _device: torch.device) -> NativeDrawer:
        return NativeDrawer(library, jobs, card)

    return make
