"""The models that a worker can make, as its report and its row have them.

The report has their names under `makes`, and the row has the names with commas between them. Without that,
in a report or in a row, the worker can make every model.
"""

from collections.abc import Collection, Mapping
from typing import Any

from webapp.policy.generation import MODELS


def written_models(makes: Collection[str] | None) -> str | None:
    """Return the column for these models; None means every model."""
    if makes is None or set(MODELS) <= set(makes):
        return None
    return ",".join(model for model in MODELS if model in makes)


def read_models(written: str | None) -> frozenset[str] | None:
    """Return the models of a worker's row; None means every model."""
    return None if written is None else frozenset(filter(None, written.split(",")))


def made_models(report: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the models of a worker's report; None means every model."""
    return read_models(written_models(report.get("makes")))
