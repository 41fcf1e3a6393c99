"""The settings' names of checkpoints, held against what is published and what lies in the models folder."""

from webapp.errors import SettingsError
from webapp.settings import PREFIX, Settings
from webapp.weights.catalogue import published


def check_checkpoints(settings: Settings) -> None:
    """Raise SettingsError, one line, for a name that can never be a checkpoint of its model.

    A published one may still be fetched, so its weights need not be there yet.
    """
    for model, asked in settings.checkpoints.items():
        variable = f"{PREFIX}{model.upper()}_CHECKPOINT={asked}"
        known = published(asked)
        if known is None and not (settings.models_path / asked).is_dir():
            raise SettingsError(
                f"{variable} is neither a published checkpoint nor a folder; docs/models.md has their names."
            )
        if known is not None and known.model != model:
            raise SettingsError(f"{variable} is a checkpoint of the model {known.model}, not of {model}.")
