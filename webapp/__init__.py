"""Soundloom: a self-hosted text-to-audio server."""

import os

from webapp.surroundings import keep_quiet

__version__ = "0.1.0"

# Here, because every process and every child of one passes through before it imports a library.
keep_quiet(os.environ)
