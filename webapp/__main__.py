"""`python -m webapp` is the `soundloom` command."""

import sys

from webapp.cli import main

if __name__ == "__main__":
    sys.exit(main())
