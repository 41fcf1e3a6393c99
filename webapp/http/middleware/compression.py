"""Pages and front-end files are sent compressed, sounds and events are not.

Nothing secret is in a page beside what others may put into it: a token is shown in the answer to a form
of our own alone, so sizes tell an eavesdropper nothing that repeated requests could bring out (BREACH).
"""

from typing import Final

from litestar.config.compression import CompressionConfig
from litestar.middleware import DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware

# Marks a handler whose answer must leave as it is written, such as a stream of events.
AS_WRITTEN: Final = "is_sent_as_written"

COMPRESSED: Final = DefineMiddleware(
    CompressionMiddleware,
    config=CompressionConfig("gzip", minimum_size=1024, gzip_compress_level=6, exclude_opt_key=AS_WRITTEN),
)
