"""The page that shows the API's description."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class SchemaPage:
    """`schema_url` is where the page's script fetches the description."""

    template: ClassVar[str] = "schema.html"

    schema_url: str
