"""The record of what admins did, in words."""

from typing import Final

from webapp.services.admin.audit import AuditEntry

# By action: what was done, with `{}` for what it was done to.
SENTENCES: Final = {
    "move": "moved {} to the front",
    "unmove": "moved {} back to its place",
    "cancel": "cancelled {}",
    "restore": "put {} back into the queue",
    "stop": "stopped {}",
    "retry": "sent {} to be generated again",
    "pause": "paused the queue",
    "resume": "resumed the queue",
    "create account": "created the account {}",
    "invite": "invited {}",
    "invite by link": "made an invitation link",
    "withdraw invitation": "withdrew the invitation for {}",
    "withdraw invitation by link": "withdrew an invitation link",
    "accept invitation": "accepted an invitation and created the account {}",
    "delete account": "deleted the account {}",
    "set tier": "changed the tier of {}",
    "make admin": "made {} an admin",
    "make no admin": "removed admin rights from {}",
    "disable": "disabled the account {}",
    "enable": "enabled the account {}",
    "reset password": "reset the password of {}",
    "grant Aura": "changed the Aura of {}",
    "model load": "loaded the model {}",
    "model unload": "unloaded the model {}",
    "model pin": "keeps the model {} loaded",
    "model unpin": "lets the model {} be unloaded",
    "download": "started to download {}",
    "cancel download": "stopped the download of {}",
    "remove weights": "removed the weights of {}",
    "drain": "drains the worker {}",
    "undrain": "lets the worker {} take jobs again",
    "hide sound": "hid the sound {}",
    "show sound": "showed the sound {} again",
    "note sound": "wrote a note about the sound {}",
    "delete sound": "deleted the sound {}",
}
KINDS: Final = {
    "jobs": ("move", "unmove", "cancel", "restore", "stop", "retry", "pause", "resume"),
    "accounts": (
        "create account", "invite", "invite by link", "withdraw invitation", "withdraw invitation by link",
        "accept invitation", "delete account", "set tier", "make admin", "make no admin", "disable", "enable",
        "reset password", "grant Aura",
    ),
    "models": (
        "model load", "model unload", "model pin", "model unpin", "download", "cancel download",
        "remove weights", "drain", "undrain",
    ),
    "sounds": ("hide sound", "show sound", "note sound", "delete sound"),
}  # fmt: skip
KIND_NAMES: Final = {
    "": "All actions", "jobs": "Jobs and queue", "accounts": "Accounts", "models": "Models and workers",
    "sounds": "Sounds",
}  # fmt: skip


def parts_of(entry: AuditEntry) -> tuple[str, str]:
    """Return what stands before and after the thing that something was done to."""
    before, found, after = SENTENCES.get(entry.action, entry.action + " {}").partition("{}")
    return (before, after) if found else (before, "")


def what_of(entry: AuditEntry) -> str:
    """Name what something was done to: a job by its prompt, a sound by its title, others by their names."""
    if "{}" not in SENTENCES.get(entry.action, "{}"):
        return ""
    return f"“{entry.name}”" if entry.name else entry.subject
