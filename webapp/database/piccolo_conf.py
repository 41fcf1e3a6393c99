"""Piccolo's configuration in a running process: the database that is open, and the tables.

The `piccolo` command uses the `piccolo_conf.py` at the top of a checkout, which opens a database by itself.
"""

from webapp.database.engines import Engine

DB: Engine | None = None


def __getattr__(name: str) -> object:
    """Make the registry when Piccolo asks for it, to migrate: importing it brings black along."""
    if name != "APP_REGISTRY":
        raise AttributeError(name)
    from piccolo.conf.apps import AppRegistry  # noqa: PLC0415

    return AppRegistry(apps=["webapp.tables.piccolo_app"])
