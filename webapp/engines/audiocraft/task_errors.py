"""Turns errors into failures of the task that they concern."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from webapp.engines.audiocraft.devices import is_device_lost, is_out_of_memory
from webapp.engines.base import EngineError, EngineOutOfMemory, GenerationFailed, GenerationTask

logger = logging.getLogger(__name__)


@contextmanager
def failing(task: GenerationTask, device: torch.device) -> Iterator[None]:
    """Fail a task with the error that is raised inside; the loss of the device concerns all and is raised."""
    try:
        yield
    except Exception as error:
        if is_device_lost(error, device):
            raise
        if isinstance(error, EngineError):
            task.failed(error)
        elif is_out_of_memory(error):
            task.failed(EngineOutOfMemory(str(error)))
        else:
            logger.exception("a task failed")
            task.failed(GenerationFailed(f"{type(error).__name__}: {error}"))
