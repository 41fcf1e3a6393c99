"""Endpoint, region and credentials of a store, where the AWS tools look for them.

The client knows how to ask for the credentials of a web identity, a container or a machine of Amazon's. What
it does not read by itself is here: the files of profiles, and the certificates of a private authority.
"""

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypedDict

from webapp.errors import SettingsError

DEFAULT_REGION: Final = "us-east-1"
# Each of these makes the client ask somebody for credentials.
OTHER_CREDENTIALS: Final = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


class StoreOptions(TypedDict, total=False):
    """Options of the client, which finds by itself those that are left out."""

    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str


def store_options(environ: Mapping[str, str], home: Path) -> StoreOptions:
    """Read what the AWS tools would. Raises SettingsError for a profile that is not there."""
    config, credentials = _profile(environ, home)
    options = StoreOptions(
        region=environ.get("AWS_REGION")
        or environ.get("AWS_DEFAULT_REGION")
        or config.get("region")
        or DEFAULT_REGION
    )
    endpoint = (
        environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or config.get("endpoint_url")
    )
    if endpoint:
        options["endpoint"] = endpoint.rstrip("/")
    given = {name.lower(): value for name, value in environ.items() if value}
    if "aws_access_key_id" not in given:
        given = {} if any(map(environ.get, OTHER_CREDENTIALS)) else config | credentials
    if "aws_access_key_id" in given and "aws_secret_access_key" in given:
        options["access_key_id"] = given["aws_access_key_id"]
        options["secret_access_key"] = given["aws_secret_access_key"]
        if "aws_session_token" in given:
            options["session_token"] = given["aws_session_token"]
    return options


def certificates(environ: Mapping[str, str], home: Path) -> bytes | None:
    """Read the certificates of a private authority. Raises SettingsError."""
    config, _ = _profile(environ, home)
    path = environ.get("AWS_CA_BUNDLE") or config.get("ca_bundle")
    if not path:
        return None
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise SettingsError(f"AWS_CA_BUNDLE cannot be read: {error.strerror}: {path}") from error


def _profile(environ: Mapping[str, str], home: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Read the chosen profile of the configuration and of the credentials. Raises SettingsError."""
    name = environ.get("AWS_PROFILE") or "default"
    config_file = _parsed(environ.get("AWS_CONFIG_FILE"), home / ".aws" / "config")
    credentials_file = _parsed(environ.get("AWS_SHARED_CREDENTIALS_FILE"), home / ".aws" / "credentials")
    section = name if name == "default" else f"profile {name}"
    if environ.get("AWS_PROFILE") and section not in config_file and name not in credentials_file:
        raise SettingsError(f"AWS_PROFILE has a wrong value: there is no profile {name!r}.")
    config = dict(config_file[section]) if section in config_file else {}
    credentials = dict(credentials_file[name]) if name in credentials_file else {}
    # `services = NAME` leads to a section whose `s3` has settings of its own, indented below it.
    services = f"services {config.get('services', '')}"
    if services in config_file:
        config |= _nested(config_file[services].get("s3", ""))
    return config, credentials


def _parsed(named: str | None, usual: Path) -> configparser.RawConfigParser:
    """Parse a file of profiles; empty where there is none. Raises SettingsError."""
    path = Path(named).expanduser() if named else usual
    parser = configparser.RawConfigParser(default_section="\0")
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return parser
    except (OSError, UnicodeError, configparser.Error) as error:
        raise SettingsError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    return parser


def _nested(lines: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines.splitlines())
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}
