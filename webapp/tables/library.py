"""The library: what is told of sounds, and what people do with them."""

from piccolo.columns import (
    BigInt,
    BigSerial,
    Boolean,
    DoublePrecision,
    ForeignKey,
    Integer,
    OnDelete,
    Serial,
    Text,
    Varchar,
)
from piccolo.table import Table

from webapp.tables.accounts import Account
from webapp.tables.jobs import Sound


class LibraryItem(Table, tablename="library_item"):
    """A sound as the library lists it: narrow, so that lists never read waveforms.

    What lists filter and sort by is repeated from the job and the sound, which never change. Ids grow
    in the order in which sounds were completed.
    """

    id: Serial
    sound = ForeignKey(Sound, on_delete=OnDelete.cascade, unique=True)
    account = ForeignKey(Account, on_delete=OnDelete.cascade)
    created_ms = BigInt()
    # music | audio | magnet | voice
    model = Varchar(length=16)
    prompt = Text()
    duration_s = DoublePrecision()
    is_loopable = Boolean(default=False)
    quality_score = Integer(default=0)

    # Empty until the owner gives one.
    title = Text(default="")
    # JSON list of words.
    tags = Text(default="[]")
    is_public = Boolean(default=False)
    # By an admin, who may have noted why; its owner still sees it.
    is_hidden = Boolean(default=False)
    moderation_note = Text(default="")
    # By name, as in the ledger: a note outlives the account of who wrote it.
    moderator = Varchar(length=32, default="")
    moderated_ms = BigInt(null=True, default=None)

    # What is searched for: see webapp.policy.library.search. The first are the title's, the second are all.
    title_words = Text(default="")
    words = Text(default="")

    # Always the counts of the SoundVote rows: triggers keep them.
    upvotes = Integer(default=0)
    downvotes = Integer(default=0)
    plays = Integer(default=0)
    downloads = Integer(default=0)


class SoundVote(Table, tablename="sound_vote"):
    """One account's vote on one sound: 1 or -1."""

    id: Serial
    item = ForeignKey(LibraryItem, on_delete=OnDelete.cascade)
    account = ForeignKey(Account, on_delete=OnDelete.cascade, index=True)
    vote = Integer()


class Favorite(Table, tablename="favorite"):
    """A sound that an account wants to find again."""

    id: Serial
    account = ForeignKey(Account, on_delete=OnDelete.cascade)
    item = ForeignKey(LibraryItem, on_delete=OnDelete.cascade, index=True)
    created_ms = BigInt()


class Playlist(Table, tablename="playlist"):
    """An ordered list of sounds. Its name in addresses is what protects a shared one."""

    id: Serial
    playlist_id = Varchar(length=20, unique=True)
    account = ForeignKey(Account, on_delete=OnDelete.cascade, index=True)
    name = Varchar(length=100)
    is_shared = Boolean(default=False)
    created_ms = BigInt()
    updated_ms = BigInt()


class PlaylistTrack(Table, tablename="playlist_track"):
    """One sound's place in a playlist; places grow, with gaps where sounds were taken out."""

    id: Serial
    playlist = ForeignKey(Playlist, on_delete=OnDelete.cascade)
    item = ForeignKey(LibraryItem, on_delete=OnDelete.cascade, index=True)
    place = Integer()


class Tally(Table):
    """A sum over sounds, or a change of one that is not added yet: see webapp.services.shared.tallies.

    Triggers write it; nobody else does.
    """

    id = BigSerial(primary_key=True)
    # stored | stored/<account's id> | listed/<model>
    name = Varchar(length=40)
    bytes = BigInt(default=0)
    sounds = BigInt(default=0)
    is_sum = Boolean(default=False)
