"""`soundloom speech-worker`."""

from argparse import Namespace

from webapp.settings import load_settings
from webapp.speech.main import run


def work(arguments: Namespace) -> int:
    """Run one speech worker until it is told to stop."""
    return run(load_settings(), exit_with_parent=arguments.exit_with_parent, worker_id=arguments.worker_id)
