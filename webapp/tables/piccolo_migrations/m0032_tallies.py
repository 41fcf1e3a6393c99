"""Sums over sounds that triggers keep: bytes and sounds stored by account and in all, listed sounds by model.

SQLite has one writer at a time, so each sum is a row that is changed. On PostgreSQL that row would make its
writers wait for each other, or deadlock; there each change is a row of its own, and a server adds them up.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T06:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "kept sums"

TABLE = (
    "CREATE TABLE tally (id {key} PRIMARY KEY, name VARCHAR(40) NOT NULL, bytes {integer} NOT NULL DEFAULT 0,"
    " sounds {integer} NOT NULL DEFAULT 0, is_sum BOOLEAN NOT NULL DEFAULT FALSE)"
)
FILL = (
    (
        "INSERT INTO tally (name, bytes, sounds, is_sum) SELECT 'stored/' || account, SUM(bytes_total), COUNT(*),"
        " TRUE FROM sound GROUP BY account"
    ),
    (
        "INSERT INTO tally (name, bytes, sounds, is_sum) SELECT 'stored', SUM(bytes_total), COUNT(*), TRUE"
        " FROM sound HAVING COUNT(*) > 0"
    ),
    (
        "INSERT INTO tally (name, sounds, is_sum) SELECT 'listed/' || model, COUNT(*), TRUE FROM library_listed"
        " GROUP BY model"
    ),
)


def _add(name: str, size: str) -> str:
    return (
        f" INSERT INTO tally (name, bytes, sounds, is_sum) VALUES ({name}, {size}, 1, TRUE)"
        " ON CONFLICT (name) DO UPDATE SET bytes = bytes + excluded.bytes, sounds = sounds + 1;"
    )


def _take(name: str, size: str) -> str:
    return (
        f" UPDATE tally SET bytes = bytes - {size}, sounds = sounds - 1 WHERE name = {name};"
        f" DELETE FROM tally WHERE name = {name} AND sounds = 0;"
    )


STORED, OF_NEW, OF_OLD = "'stored'", "'stored/' || NEW.account", "'stored/' || OLD.account"
ENTER = _add(STORED, "NEW.bytes_total") + _add(OF_NEW, "NEW.bytes_total")
LEAVE = _take(STORED, "OLD.bytes_total") + _take(OF_OLD, "OLD.bytes_total")
SQLITE = (
    "CREATE UNIQUE INDEX tally_name ON tally (name)",
    f"CREATE TRIGGER sound_tally_insert AFTER INSERT ON sound BEGIN{ENTER} END",
    f"CREATE TRIGGER sound_tally_delete AFTER DELETE ON sound BEGIN{LEAVE} END",
    f"CREATE TRIGGER sound_tally_update AFTER UPDATE OF account, bytes_total ON sound BEGIN{LEAVE}{ENTER} END",
    (
        "CREATE TRIGGER library_listed_tally_insert AFTER INSERT ON library_listed BEGIN"
        f"{_add(chr(39) + 'listed/' + chr(39) + ' || NEW.model', '0')} END"
    ),
    (
        "CREATE TRIGGER library_listed_tally_delete AFTER DELETE ON library_listed BEGIN"
        f"{_take(chr(39) + 'listed/' + chr(39) + ' || OLD.model', '0')} END"
    ),
)


def _function(name: str, inserts: str) -> str:
    """Write a trigger function that counts the rows that a statement added, and those that it removed."""
    added, removed = (
        inserts.format(sign=sign, rows=rows) for sign, rows in (("", "added"), ("-", "removed"))
    )
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF TG_OP <> 'INSERT' THEN {removed}; END IF;"
        f" IF TG_OP <> 'DELETE' THEN {added}; END IF;"
        " RETURN NULL; END $$"
    )


def _triggers(table: str, name: str, function: str) -> tuple[str, ...]:
    changes = {
        "insert": "NEW TABLE AS added",
        "delete": "OLD TABLE AS removed",
        "update": "OLD TABLE AS removed NEW TABLE AS added",
    }
    return tuple(
        f"CREATE TRIGGER {name}_{event} AFTER {event.upper()} ON {table} REFERENCING {tables}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        for event, tables in changes.items()
        # Plays and votes change there all the time, and models never.
        if (table, event) != ("library_listed", "update")
    )


POSTGRES = (
    "CREATE INDEX tally_name ON tally (name)",
    "CREATE INDEX tally_change ON tally (name) WHERE NOT is_sum",
    _function(
        "tally_stored",
        "INSERT INTO tally (name, bytes, sounds) SELECT 'stored' || COALESCE('/' || account, ''),"
        " {sign}SUM(bytes_total), {sign}COUNT(*) FROM {rows} GROUP BY GROUPING SETS ((account), ())"
        " HAVING COUNT(*) > 0",
    ),
    _function(
        "tally_listed",
        "INSERT INTO tally (name, sounds) SELECT 'listed/' || model, {sign}COUNT(*) FROM {rows} GROUP BY model",
    ),
    *_triggers("sound", "sound_tally", "tally_stored"),
    *_triggers("library_listed", "library_listed_tally", "tally_listed"),
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        is_sqlite = QueueState._meta.db.engine_type == "sqlite"
        key, integer = ("INTEGER", "INTEGER") if is_sqlite else ("BIGSERIAL", "BIGINT")
        # The triggers come first: on PostgreSQL they keep others from writing until the sums are there.
        for statement in (
            TABLE.format(key=key, integer=integer),
            *(SQLITE if is_sqlite else POSTGRES),
            *FILL,
        ):
            await QueueState.raw(statement)

    manager.add_raw(run)
    return manager
