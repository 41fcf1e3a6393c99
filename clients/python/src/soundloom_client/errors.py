"""The errors of the client: one tree, with the same facts on every error."""

from typing import Final


class SoundloomError(Exception):
    """Something did not work. The text is for people, and `code` is for programs.

    `status`, `field`, `retry_after` and `error_id` are what the server said, where it said it.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        field: str | None = None,
        retry_after: float | None = None,
        error_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status
        self.field = field
        self.retry_after = retry_after
        self.error_id = error_id


class Refused(SoundloomError):
    """The server answered with an error."""


class InvalidRequest(Refused):
    """A field, the body or the address is wrong; `field` names it where it is one field."""


class AuthenticationRequired(Refused):
    """There is no valid token."""


class NotAuthorized(Refused):
    """The account may not do this."""


class NotFound(Refused):
    """There is no such thing, or not for this account."""


class LimitReached(Refused):
    """A limit was reached; `retry_after` says for how many seconds."""


class Unavailable(Refused):
    """The server, its queue or its storage cannot take this now."""


class Unreachable(SoundloomError):
    """The server does not answer, or the connection broke."""

    code = "unreachable"


class UnexpectedAnswer(SoundloomError):
    """The answer is not Soundloom's."""

    code = "unexpected_answer"


class StreamCut(SoundloomError):
    """A stream ended before the sound did: the job is being made anew. Ask for the stream again."""

    code = "stream_cut"


class StillRunning(SoundloomError, TimeoutError):
    """The time that the caller gives a job is over. The job goes on."""

    code = "still_running"


class JobEnded(SoundloomError):
    """The job ended without a sound."""

    code = "job_ended"


class JobFailed(JobEnded):
    """The sound could not be made."""

    code = "job_failed"


class JobCancelled(JobEnded):
    """The job was cancelled or stopped."""

    code = "job_cancelled"


class SoundDeleted(JobEnded):
    """The sound was made, and deleted since."""

    code = "sound_deleted"


KIND_OF_STATUS: Final[dict[int, type[Refused]]] = {
    401: AuthenticationRequired,
    403: NotAuthorized,
    404: NotFound,
    429: LimitReached,
}


def kind_of(status: int) -> type[Refused]:
    """Return the kind of error that a status means."""
    if status in KIND_OF_STATUS:
        return KIND_OF_STATUS[status]
    return Unavailable if status >= 500 else InvalidRequest
