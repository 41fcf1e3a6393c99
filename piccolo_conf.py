"""Where Piccolo, and its `piccolo` command, find the database and the tables."""

from piccolo.conf.apps import AppRegistry

from webapp.database.engines import Engine, engine_from
from webapp.settings import load_settings

DB: Engine = engine_from(load_settings())
APP_REGISTRY = AppRegistry(apps=["webapp.tables.piccolo_app"])
