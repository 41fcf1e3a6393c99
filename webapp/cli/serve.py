"""`soundloom serve`."""

from argparse import Namespace

from webapp.settings import load_settings
from webapp.web.serve import run


def serve(_arguments: Namespace) -> int:
    """Run the web server with its local workers until it is told to stop."""
    return run(load_settings())
