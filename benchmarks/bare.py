"""The bare server that the product is measured against: Litestar handlers that return constants.

Run as ``python -m benchmarks.bare NAME=BYTES…``; each name is a path with an answer of that size.
"""

import socket
import sys

import uvicorn
import uvloop
from litestar import Litestar, get
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler


def handler(name: str, size: int) -> HTTPRouteHandler:
    """A handler that returns the same bytes whenever it is asked."""
    constant = b'"' + b"x" * (size - 2) + b'"'

    @get(f"/{name}", media_type=MediaType.JSON)
    async def bare() -> bytes:
        return constant

    return bare


def main() -> None:
    sizes = (argument.split("=") for argument in sys.argv[1:])
    app = Litestar(
        [handler(name, int(size)) for name, size in sizes], openapi_config=None, logging_config=None
    )
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, proxy_headers=False, server_header=False, lifespan="off"
        )
        uvloop.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
