"""What Piccolo's columns cannot express of the library: orders, search, counters; and sounds made before it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.policy.library.search import search_words
from webapp.tables import QueueState

ID = "2026-11-22T15:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "library search, orders and counters"

LISTED = "WHERE is_public AND NOT is_hidden"
STATEMENTS = (
    # Every order of the public list is read from an index, newest first among equals; the first one has
    # all that filters ask for, so that counting reads nothing else.
    f"CREATE INDEX library_item_listed ON library_item (id, model, duration_s, account) {LISTED}",
    f"CREATE INDEX library_item_listed_model ON library_item (model, id, duration_s, account) {LISTED}",
    f"CREATE INDEX library_item_listed_votes ON library_item ((upvotes - downvotes), id) {LISTED}",
    f"CREATE INDEX library_item_listed_plays ON library_item (plays, id) {LISTED}",
    f"CREATE INDEX library_item_listed_duration ON library_item (duration_s, id) {LISTED}",
    f"CREATE INDEX library_item_listed_quality ON library_item (quality_score, id) {LISTED}",
    "CREATE INDEX library_item_of_account ON library_item (account, id)",
    "CREATE UNIQUE INDEX sound_vote_once ON sound_vote (item, account)",
    "CREATE UNIQUE INDEX favorite_once ON favorite (account, item)",
    "CREATE UNIQUE INDEX playlist_track_once ON playlist_track (playlist, item)",
    "CREATE INDEX playlist_track_place ON playlist_track (playlist, place)",
)

# Words are folded and split already: the databases take them as they are.
SQLITE = (
    (
        "CREATE VIRTUAL TABLE library_search USING fts5(title_words, words, content='library_item',"
        " content_rowid='id', tokenize='ascii', prefix='1 2 3')"
    ),
    (
        "CREATE TRIGGER library_search_insert AFTER INSERT ON library_item BEGIN"
        " INSERT INTO library_search (rowid, title_words, words) VALUES (NEW.id, NEW.title_words, NEW.words); END"
    ),
    (
        "CREATE TRIGGER library_search_delete AFTER DELETE ON library_item BEGIN"
        " INSERT INTO library_search (library_search, rowid, title_words, words)"
        " VALUES ('delete', OLD.id, OLD.title_words, OLD.words); END"
    ),
    (
        "CREATE TRIGGER library_search_update AFTER UPDATE OF title_words, words ON library_item BEGIN"
        " INSERT INTO library_search (library_search, rowid, title_words, words)"
        " VALUES ('delete', OLD.id, OLD.title_words, OLD.words);"
        " INSERT INTO library_search (rowid, title_words, words) VALUES (NEW.id, NEW.title_words, NEW.words); END"
    ),
    (
        "CREATE TRIGGER sound_vote_insert AFTER INSERT ON sound_vote BEGIN"
        " UPDATE library_item SET upvotes = upvotes + (NEW.vote = 1), downvotes = downvotes + (NEW.vote = -1)"
        " WHERE id = NEW.item; END"
    ),
    (
        "CREATE TRIGGER sound_vote_delete AFTER DELETE ON sound_vote BEGIN"
        " UPDATE library_item SET upvotes = upvotes - (OLD.vote = 1), downvotes = downvotes - (OLD.vote = -1)"
        " WHERE id = OLD.item; END"
    ),
    (
        "CREATE TRIGGER sound_vote_update AFTER UPDATE ON sound_vote BEGIN"
        " UPDATE library_item SET upvotes = upvotes + (NEW.vote = 1) - (OLD.vote = 1),"
        " downvotes = downvotes + (NEW.vote = -1) - (OLD.vote = -1) WHERE id = NEW.item; END"
    ),
)

LEXEMES = "array_to_tsvector(array_remove(string_to_array({}, ' '), ''))"
POSTGRES = (
    (
        "ALTER TABLE library_item"
        f" ADD COLUMN title_search tsvector GENERATED ALWAYS AS ({LEXEMES.format('title_words')}) STORED,"
        f" ADD COLUMN search tsvector GENERATED ALWAYS AS ({LEXEMES.format('words')}) STORED"
    ),
    "CREATE INDEX library_item_title_search ON library_item USING gin (title_search)",
    "CREATE INDEX library_item_search ON library_item USING gin (search)",
    (
        "CREATE FUNCTION count_sound_votes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF TG_OP <> 'INSERT' THEN UPDATE library_item SET upvotes = upvotes - (OLD.vote = 1)::int,"
        "  downvotes = downvotes - (OLD.vote = -1)::int WHERE id = OLD.item; END IF;"
        " IF TG_OP <> 'DELETE' THEN UPDATE library_item SET upvotes = upvotes + (NEW.vote = 1)::int,"
        "  downvotes = downvotes + (NEW.vote = -1)::int WHERE id = NEW.item; END IF;"
        " RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER sound_vote_count AFTER INSERT OR UPDATE OR DELETE ON sound_vote"
        " FOR EACH ROW EXECUTE FUNCTION count_sound_votes()"
    ),
)

FILL = (
    "INSERT INTO library_item (sound, account, created_ms, model, prompt, duration_s, is_loopable,"
    " quality_score, title, tags, is_public, is_hidden, moderation_note, title_words, words, upvotes,"
    " downvotes, plays, downloads)"
    " SELECT sound.generation_id, sound.account, sound.created_ms, job.model, job.prompt, sound.duration_s,"
    " job.is_loopable, sound.quality_score, '', '[]', false, false, '', '', '', 0, 0, 0, 0"
    " FROM sound JOIN job ON job.job_id = sound.job ORDER BY sound.created_ms, job.sequence"
)


async def fill() -> None:
    """Put the sounds that there are already into the library."""
    await QueueState.raw(FILL)
    for row in await QueueState.raw("SELECT id, prompt FROM library_item WHERE words = ''"):
        words = " ".join(search_words(row["prompt"]))
        await QueueState.raw("UPDATE library_item SET words = {} WHERE id = {}", words, row["id"])


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        dialect = SQLITE if QueueState._meta.db.engine_type == "sqlite" else POSTGRES
        for statement in (*STATEMENTS, *dialect):
            await QueueState.raw(statement)
        await fill()

    manager.add_raw(run)
    return manager
