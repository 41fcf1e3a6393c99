"""The record of what admins did, in words."""

from typing import Final

from webapp.pages.frame.texts import N_, Texts
from webapp.services.admin.audit_log import AuditEntry

# By action: what was done, with `{}` for what it was done to.
SENTENCES: Final = Texts(
    {
        "move": N_("moved {} to the front"),
        "unmove": N_("moved {} back to its place"),
        "cancel": N_("cancelled {}"),
        "restore": N_("put {} back into the queue"),
        "stop": N_("stopped {}"),
        "retry": N_("queued {} again"),
        "pause": N_("paused the queue"),
        "resume": N_("resumed the queue"),
        "create account": N_("created the account {}"),
        "invite": N_("invited {}"),
        "invite by link": N_("made an invitation link for tier"),
        "withdraw invitation": N_("withdrew the invitation for {}"),
        "withdraw invitation by link": N_("withdrew an invitation link"),
        "accept invitation": N_("accepted an invitation and created the account {}"),
        "delete account": N_("deleted the account {}"),
        "set tier": N_("changed the tier of {}:"),
        "make admin": N_("made {} an admin"),
        "make no admin": N_("removed admin rights from {}"),
        "disable": N_("disabled the account {}"),
        "enable": N_("enabled the account {}"),
        "reset password": N_("reset the password of {}"),
        "grant Aura": N_("changed the Aura of {}:"),
        "model load": N_("loaded the model {}"),
        "model unload": N_("unloaded the model {}"),
        "model pin": N_("set the model {} to stay loaded"),
        "model unpin": N_("allowed the model {} to be unloaded"),
        "download": N_("started downloading {}"),
        "cancel download": N_("stopped the download of {}"),
        "remove weights": N_("removed the weights of {}"),
        "drain": N_("drained the worker {}"),
        "undrain": N_("let the worker {} take jobs again"),
        "hide sound": N_("hid the sound {}"),
        "show sound": N_("made the sound {} visible again"),
        "note sound": N_("wrote a note about the sound {}"),
        "delete sound": N_("deleted the sound {}"),
    }
)
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
KIND_NAMES: Final = Texts(
    {
        "": N_("All actions"),
        "jobs": N_("Jobs and queue"),
        "accounts": N_("Accounts"),
        "models": N_("Models and workers"),
        "sounds": N_("Sounds"),
    }
)


def parts_of(entry: AuditEntry) -> tuple[str, str]:
    """Return what stands before and after the thing that something was done to."""
    before, found, after = SENTENCES.get(entry.action, entry.action + " {}").partition("{}")
    return (before, after) if found else (before, "")


def what_of(entry: AuditEntry) -> str:
    """Name what something was done to: a job by its prompt, a sound by its title, others by their names."""
    if "{}" not in SENTENCES.get(entry.action, "{}"):
        return ""
    return f"“{entry.name}”" if entry.name else entry.subject
