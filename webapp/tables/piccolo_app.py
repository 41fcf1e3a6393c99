"""Registers the tables and their migrations with Piccolo."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from webapp.tables import ALL_TABLES

MIGRATIONS = Path(__file__).parent / "piccolo_migrations"

APP_CONFIG = AppConfig(
    app_name="soundloom",
    migrations_folder_path=str(MIGRATIONS),
    table_classes=list(ALL_TABLES),
)
