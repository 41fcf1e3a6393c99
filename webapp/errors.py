"""The product's errors: one small tree, translated once at each boundary.

    SoundloomError
    ├── SettingsError            the configuration cannot be used; stops the start
    ├── DatabaseUnusable         the database must be put right by its operator; stops the start
    ├── ProductError             something a user or program asked for cannot be done
    │   ├── InvalidRequest       what was sent is wrong (400)
    │   │   └── UnknownHost      it names another server
    │   ├── AuthenticationRequired  nobody is signed in (401)
    │   ├── NotAuthorized        somebody is, but may not do this (403)
    │   │   └── ForeignPage      it may be forged by another site
    │   ├── NotFound             there is no such thing (404)
    │   ├── BodyTimeout          the body did not arrive in time (408)
    │   ├── Conflict             it clashes with what is there (409)
    │   ├── PreconditionFailed   what is there is not the version that was asked for (412)
    │   ├── PayloadTooLarge      the body is longer than anything that is expected (413)
    │   ├── AddressTooLong       the address of the request is longer than any of ours (414)
    │   ├── UnsupportedMediaType the body is of a kind that is not read here (415)
    │   │   └── EncodedBody      … because it is compressed, or encoded otherwise (415)
    │   ├── KeyReused            an idempotency key was sent with another request before (422)
    │   ├── LimitReached         too many requests of a kind (429)
    │   ├── QueueFull            no room in the queue (503)
    │   ├── StorageFull          no room for another sound (507)
    │   ├── SpeechFailed         a text could not be spoken (500)
    │   ├── GenerationFailed     a job whose sound is waited for has failed (500)
    │   └── Unavailable          a part of the service is away for now (503)
    ├── DatabaseAway             the database does not answer for now (503)
    │   ├── DatabaseGone         its file was moved, deleted or replaced (503)
    │   └── DatabaseDamaged      its file cannot be read any more (503)
    ├── StorageAway              the storage of the sounds does not answer for now (503)
    └── LeaseLost                a worker no longer holds the job it wants to write

Each carries the exact text a user sees; no other text of an exception is ever shown.
"""

import errno
from dataclasses import dataclass


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether the system refused a write for want of room, on the disk or in a quota."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_write_refused(error: BaseException | None) -> bool:
    """Return whether the system could not write a file, for want of room or rights, or of a working disk."""
    refusals = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
    return is_disk_full(error) or (isinstance(error, OSError) and error.errno in refusals)


class SoundloomError(Exception):
    """Base of every error that the product raises on purpose."""


class SettingsError(SoundloomError):
    """The configuration cannot be used. The text is one line for the operator."""


class DatabaseUnusable(SoundloomError):
    """The database is damaged or missing, which no waiting mends. The text is one line for the operator."""


class LeaseLost(SoundloomError):
    """The job was given to somebody else, or ended, while this worker thought it held it."""


class DatabaseAway(SoundloomError):
    """The database cannot be reached, or is held by somebody else for too long; trying again may help.

    No refusal: whatever was being done may be done again, and a worker keeps its job meanwhile.
    """

    message = "The database is not available right now; please try again in a moment"
    retry_after_s = 5

    def __init__(self, reason: str = "") -> None:
        """`reason` is for the log; nobody else is shown it."""
        super().__init__(self.message)
        self.reason = reason


class DatabaseGone(DatabaseAway):
    """The file in use is no longer the one in the data folder. What is written to it would be lost."""

    message = (
        "The database's file was moved, deleted or replaced while the server was running; whoever runs it has"
        " to put it back or restore a backup, and start it again"
    )
    retry_after_s = 60


class DatabaseDamaged(DatabaseAway):
    """The file is no whole database. Nothing more is written to it."""

    message = (
        "The database's file is damaged; whoever runs the server has to restore a backup and start it again"
    )
    retry_after_s = 60


class StorageAway(SoundloomError):
    """The storage of the sounds cannot be reached, or refuses us; trying again may help.

    No refusal: a worker keeps its job meanwhile.
    """

    message = "The storage of the sounds is not available right now; please try again in a moment"
    retry_after_s = 5

    def __init__(self, reason: str = "") -> None:
        """`reason` is for the log; nobody else is shown it."""
        super().__init__(self.message)
        self.reason = reason


class ProductError(SoundloomError):
    """A request that cannot be met. `message` is plain words, fit to be shown, and so is `advice`: what
    can be done about it, where that is not plain from the message. `code` is a name for programs, where it
    says more than the kind of the error does.
    """

    advice: str | None = None
    code: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequest(ProductError):
    """A field or the body is wrong. `field` names the form field it belongs to, if one does."""

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class AuthenticationRequired(ProductError):
    """Nobody is signed in, or the token or password is not valid."""

    def __init__(self, message: str = "Authentication required") -> None:
        super().__init__(message)


class NotAuthorized(ProductError):
    """The account may not do this."""


class UnknownHost(InvalidRequest):
    """The request names a host that the server does not answer to; `name` is None where it names none."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__("This server does not answer to that host name")
        self.advice = (
            "Whoever runs it can set SOUNDLOOM_PUBLIC_URL to the address that people use, or add"
            f" {name or 'the name'} to SOUNDLOOM_ALLOWED_HOSTS."
        )


class ForeignPage(NotAuthorized):
    """A form that did not come from a page of ours, as far as the server can tell."""

    def __init__(self) -> None:
        super().__init__("This request did not come from a page of this server")
        self.advice = (
            "If it did, a proxy stands in between: whoever runs the server can set SOUNDLOOM_PUBLIC_URL to"
            " the address that people use, or have the proxy pass on the Host header."
        )


class NotFound(ProductError):
    """There is no such thing, or not for this account."""


class Conflict(ProductError):
    """The request clashes with what is already there."""


class BodyTimeout(ProductError):
    """The body of a request did not arrive in the time it had."""


class PreconditionFailed(ProductError):
    """The stored version is not the one that the request names."""


class PayloadTooLarge(ProductError):
    """The body of a request is longer than it may be."""


class AddressTooLong(ProductError):
    """The request's address is longer than the limit."""

    def __init__(self) -> None:
        super().__init__("The address is too long")


class UnsupportedMediaType(ProductError):
    """The body of a request is of another kind than the one that is read."""


class EncodedBody(UnsupportedMediaType):
    """The body of a request is compressed, or encoded otherwise."""

    def __init__(self) -> None:
        super().__init__("Content-Encoding is not supported; send the body as it is")


class KeyReused(ProductError):
    """An idempotency key came with another request than the one it was first used for."""

    def __init__(self) -> None:
        super().__init__("Idempotency-Key was already used with another request")


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """A limit as clients are told of it: `quota` in any `window_s` seconds, or at once without a window.

    No two limits share a `name`.
    """

    name: str
    quota: int
    window_s: int | None = None


class LimitReached(ProductError):
    """A limit on requests was reached; `retry_after_s` says when to try again, `policy` what it is."""

    def __init__(self, message: str, *, retry_after_s: int, policy: LimitPolicy | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = max(1, retry_after_s)
        self.policy = policy


class QueueFull(ProductError):
    """The queue holds as many jobs as it may."""

    def __init__(self, *, retry_after_s: int = 30) -> None:
        super().__init__("Queue is full")
        self.retry_after_s = retry_after_s


class StorageFull(ProductError):
    """There is no room for another sound; nothing is deleted to make some."""


class SpeechFailed(ProductError):
    """A text could not be spoken, through no fault of its own."""

    def __init__(self) -> None:
        super().__init__("TTS generation failed")


class GenerationFailed(ProductError):
    """A job whose sound a request waited for has failed; the message is the job's."""


class Unavailable(ProductError):
    """A part of the service is away for now; trying again later may help."""

    retry_after_s = 5
