"""`soundloom worker`."""

from argparse import Namespace

from webapp.settings import load_settings
from webapp.worker.main import run


def work(arguments: Namespace) -> int:
    """Run one worker until it is told to stop."""
    return run(
        load_settings(),
        exit_with_parent=arguments.exit_with_parent,
        device=arguments.device,
        worker_id=arguments.worker_id,
        models=arguments.models,
    )
