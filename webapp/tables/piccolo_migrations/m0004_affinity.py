from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import Integer
from piccolo.columns.column_types import Text
from piccolo.columns.column_types import Varchar
from piccolo.columns.indexes import IndexMethod

from webapp.tables import QueueState

ID = "2026-11-22T14:21:42:970736"
VERSION = "1.38.0"
DESCRIPTION = "affinity and devices"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    manager.add_column(
        table_class_name="Job",
        tablename="job",
        column_name="device",
        db_column_name="device",
        column_class_name="Varchar",
        column_class=Varchar,
        params={
            "length": 64,
            "default": None,
            "null": True,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema=None,
    )

    manager.add_column(
        table_class_name="Worker",
        tablename="worker",
        column_name="affinity_streak",
        db_column_name="affinity_streak",
        column_class_name="Integer",
        column_class=Integer,
        params={
            "default": 0,
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema=None,
    )

    manager.add_column(
        table_class_name="Worker",
        tablename="worker",
        column_name="ready_models",
        db_column_name="ready_models",
        column_class_name="Text",
        column_class=Text,
        params={
            "default": None,
            "null": True,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema=None,
    )

    async def indexes() -> None:
        # The first job of a tier that is for a given model.
        await QueueState.raw(
            "CREATE INDEX job_queued_model ON job (model, priority, sequence)"
            " WHERE status = 'queued' AND skipped_ms IS NULL"
        )
        # Estimates learn from the newest results of each model.
        await QueueState.raw("DROP INDEX job_completed")
        await QueueState.raw(
            "CREATE INDEX job_completed_of_model ON job (model, finished_ms) WHERE status = 'completed'"
        )

    manager.add_raw(indexes)

    return manager
