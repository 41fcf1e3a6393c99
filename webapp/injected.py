"""Tell environment variables that Kubernetes and Docker inject for a service from settings.

For a service called `soundloom` each container of the namespace is given `SOUNDLOOM_PORT=tcp://10.0.0.1:80`,
`SOUNDLOOM_SERVICE_HOST` and more; for `soundloom-web` the same with `SOUNDLOOM_WEB_`. A container that is
linked to one called `soundloom` is also given `SOUNDLOOM_NAME=/web/soundloom`, and all that is in the other's
environment behind `SOUNDLOOM_ENV_`.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

_PROTOCOL: Final = r"(?:tcp|udp|sctp)"
_ADDRESS: Final = re.compile(rf"{_PROTOCOL}://(?P<host>\[[0-9a-f:.]+\]|[0-9.]+):(?P<port>\d{{1,5}})\Z")
# The name after the prefix, and what its value looks like.
_SHAPES: Final = (
    (re.compile(r"(?:\w+_)?SERVICE_HOST\Z"), "host"),
    (re.compile(r"(?:\w+_)?SERVICE_PORT(?:_\w+)?\Z"), "port"),
    (re.compile(r"(?:\w+_)?PORT\Z"), "address"),
    (re.compile(r"(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP)(?:_START|_END)?\Z"), "address"),
    (re.compile(r"(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP)_PROTO\Z"), "protocol"),
    (re.compile(r"(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP)_PORT(?:_START|_END)?\Z"), "port"),
    (re.compile(r"(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP)_ADDR\Z"), "host"),
    (re.compile(r"(?:\w+_)?NAME\Z"), "link"),
    # Whatever it says: no setting is called so.
    (re.compile(r"(?:[A-Z0-9]+_)?ENV_\w+\Z"), "anything"),
)


def injected(environ: Mapping[str, str], prefix: str) -> list[str]:
    """The variables with this prefix that are no settings but facts about a service, by name and value."""
    return sorted(
        variable
        for variable, value in environ.items()
        if variable.startswith(prefix) and _is_injected(variable.removeprefix(prefix), value)
    )


def _is_injected(name: str, value: str) -> bool:
    return any(shape.match(name) and _CHECKS[kind](value) for shape, kind in _SHAPES)


def _is_host(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_port(value: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", value) is not None and 0 < int(value) <= 65_535


def _is_address(value: str) -> bool:
    parts = _ADDRESS.match(value)
    return parts is not None and _is_host(parts["host"].strip("[]")) and _is_port(parts["port"])


def _is_protocol(value: str) -> bool:
    return re.fullmatch(_PROTOCOL, value) is not None


def _is_link(value: str) -> bool:
    return re.fullmatch(r"/[\w.-]+/[\w.-]+", value) is not None


def _is_anything(_value: str) -> bool:
    return True


_CHECKS: Final = {
    "host": _is_host,
    "port": _is_port,
    "address": _is_address,
    "protocol": _is_protocol,
    "link": _is_link,
    "anything": _is_anything,
}
