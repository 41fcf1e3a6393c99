"""The `soundloom` command."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

from webapp.cli.parser import build_parser
from webapp.errors import ProductError, SettingsError

if TYPE_CHECKING:
    from argparse import Namespace

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused, 2 wrong usage or settings.

    What went wrong is one line on standard error; standard output has only what was asked for.
    """
    try:
        arguments = build_parser().parse_args(argv)
        return _command(arguments.command)(arguments)
    except SystemExit as exit_:
        # How argparse ends after a usage error, --help and --version.
        return EXIT_USAGE if exit_.code else 0
    except SettingsError as error:
        return _failed(str(error), EXIT_USAGE)
    except ProductError as error:
        return _failed(error.message, EXIT_REFUSED)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _failed(f"{error.strerror or error}{where}", EXIT_REFUSED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _command(name: str) -> "Callable[[Namespace], int]":
    """The function behind `module:function`; only the module that is needed is imported."""
    module, _, function = name.partition(":")
    command: Callable[[Namespace], int] = getattr(import_module(f"webapp.cli.{module}"), function)
    return command


def _failed(message: str, code: int) -> int:
    print(f"soundloom: {message}", file=sys.stderr)
    return code
