"""What everybody may see, in a narrow table of its own: lists and searches read nothing else.

`library_listed` has a row for each sound that is published and not hidden, under the id of its
`library_item`; triggers keep it. The full text is that of these sounds only.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-22T18:31:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "listed sounds"

COLUMNS = "id, account, model, duration_s, quality_score, votes, plays"
FROM_ITEM = (
    "SELECT id, account, model, duration_s, quality_score, upvotes - downvotes, plays{more}"
    " FROM library_item WHERE is_public AND NOT is_hidden"
)
INDEXES = (
    "CREATE INDEX library_listed_model ON library_listed (model, id)",
    "CREATE INDEX library_listed_account ON library_listed (account, id)",
    "CREATE INDEX library_listed_votes ON library_listed (votes, id)",
    "CREATE INDEX library_listed_plays ON library_listed (plays, id)",
    "CREATE INDEX library_listed_duration ON library_listed (duration_s, id)",
    "CREATE INDEX library_listed_quality ON library_listed (quality_score, id)",
)
NEW_ROW = "NEW.id, NEW.account, NEW.model, NEW.duration_s, NEW.quality_score, NEW.upvotes - NEW.downvotes, NEW.plays"
OLD_INDEXES = tuple(
    f"DROP INDEX library_item_listed{end}"
    for end in ("", "_model", "_votes", "_plays", "_duration", "_quality")
)

WAS_LISTED, IS_LISTED = (f"{row}.is_public AND NOT {row}.is_hidden" for row in ("OLD", "NEW"))
# An update leaves and enters in one trigger: SQLite does not say in which order several would run.
LEAVE = (
    "DELETE FROM library_listed WHERE id = OLD.id;"
    " INSERT INTO library_search (library_search, rowid, title_words, words)"
    f" SELECT 'delete', OLD.id, OLD.title_words, OLD.words WHERE {WAS_LISTED};"
)
ENTER = (
    f" INSERT INTO library_listed ({COLUMNS}) SELECT {NEW_ROW} WHERE {IS_LISTED};"
    " INSERT INTO library_search (rowid, title_words, words)"
    f" SELECT NEW.id, NEW.title_words, NEW.words WHERE {IS_LISTED};"
)
SQLITE = (
    "DROP TRIGGER library_search_insert",
    "DROP TRIGGER library_search_delete",
    "DROP TRIGGER library_search_update",
    "DROP TABLE library_search",
    (
        "CREATE TABLE library_listed (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, model TEXT NOT NULL,"
        " duration_s REAL NOT NULL, quality_score INTEGER NOT NULL, votes INTEGER NOT NULL,"
        " plays INTEGER NOT NULL)"
    ),
    # Words are folded and split already. Where in a text a word stands is never asked for.
    (
        "CREATE VIRTUAL TABLE library_search USING fts5(title_words, words, content='', tokenize='ascii',"
        " prefix='1 2 3', detail=column)"
    ),
    f"INSERT INTO library_listed ({COLUMNS}) {FROM_ITEM.format(more='')}",
    (
        "INSERT INTO library_search (rowid, title_words, words) SELECT id, title_words, words"
        " FROM library_item WHERE is_public AND NOT is_hidden"
    ),
    f"CREATE TRIGGER library_listed_insert AFTER INSERT ON library_item BEGIN{ENTER} END",
    f"CREATE TRIGGER library_listed_delete AFTER DELETE ON library_item BEGIN {LEAVE} END",
    (
        "CREATE TRIGGER library_listed_update AFTER UPDATE OF is_public, is_hidden, title_words, words"
        f" ON library_item BEGIN {LEAVE}{ENTER} END"
    ),
    (
        "CREATE TRIGGER library_listed_count AFTER UPDATE OF upvotes, downvotes, plays ON library_item"
        " BEGIN UPDATE library_listed SET votes = NEW.upvotes - NEW.downvotes, plays = NEW.plays"
        " WHERE id = NEW.id; END"
    ),
)

LEXEMES = "array_to_tsvector(array_remove(string_to_array({}, ' '), ''))"
WORDS = f", {LEXEMES.format('title_words')}, {LEXEMES.format('words')}"
POSTGRES = (
    "DROP INDEX library_item_title_search",
    "DROP INDEX library_item_search",
    "ALTER TABLE library_item DROP COLUMN title_search, DROP COLUMN search",
    (
        "CREATE TABLE library_listed (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, model VARCHAR(16) NOT NULL,"
        " duration_s DOUBLE PRECISION NOT NULL, quality_score INTEGER NOT NULL, votes INTEGER NOT NULL,"
        " plays INTEGER NOT NULL, title_search tsvector NOT NULL, search tsvector NOT NULL)"
    ),
    (f"INSERT INTO library_listed ({COLUMNS}, title_search, search) {FROM_ITEM.format(more=WORDS)}"),
    "CREATE INDEX library_listed_title_search ON library_listed USING gin (title_search)",
    "CREATE INDEX library_listed_search ON library_listed USING gin (search)",
    (
        "CREATE FUNCTION list_sound() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF TG_OP = 'UPDATE' AND ({WAS_LISTED}) AND ({IS_LISTED})"
        "  AND (OLD.title_words, OLD.words) = (NEW.title_words, NEW.words) THEN"
        "  UPDATE library_listed SET votes = NEW.upvotes - NEW.downvotes, plays = NEW.plays"
        "   WHERE id = NEW.id AND (votes, plays) <> (NEW.upvotes - NEW.downvotes, NEW.plays);"
        "  RETURN NULL; END IF;"
        " IF TG_OP <> 'INSERT' THEN DELETE FROM library_listed WHERE id = OLD.id; END IF;"
        f" IF TG_OP <> 'DELETE' AND ({IS_LISTED}) THEN"
        f"  INSERT INTO library_listed ({COLUMNS}, title_search, search)"
        f"  VALUES ({NEW_ROW}, {LEXEMES.format('NEW.title_words')}, {LEXEMES.format('NEW.words')}); END IF;"
        " RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER library_listed_keep AFTER INSERT OR UPDATE OR DELETE ON library_item"
        " FOR EACH ROW EXECUTE FUNCTION list_sound()"
    ),
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        dialect = SQLITE if QueueState._meta.db.engine_type == "sqlite" else POSTGRES
        for statement in (*OLD_INDEXES, *dialect, *INDEXES):
            await QueueState.raw(statement)

    manager.add_raw(run)
    return manager
