"""Registers the tables and their migrations with Piccolo."""

from piccolo.conf.apps import AppConfig

from webapp.tables import ALL_TABLES, APP_NAME, MIGRATIONS

APP_CONFIG = AppConfig(
    app_name=APP_NAME,
    migrations_folder_path=str(MIGRATIONS),
    table_classes=list(ALL_TABLES),
)
