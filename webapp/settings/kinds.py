"""The kinds of values that settings have."""

from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
ClipSeconds = Annotated[float, Meta(ge=1, le=180)]
