"""Piccolo's configuration in a running process: the database that is open, and the tables.

The `piccolo` command uses the `piccolo_conf.py` at the top of a checkout, which opens a database by itself.
"""

from piccolo.conf.apps import AppRegistry

from webapp.database.engines import Engine

DB: Engine | None = None
APP_REGISTRY = AppRegistry(apps=["webapp.tables.piccolo_app"])
