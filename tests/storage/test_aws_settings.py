"""Endpoint, region and credentials are found where the AWS tools look."""

from pathlib import Path

import pytest

from webapp.errors import SettingsError
from webapp.storage.aws_settings import certificates, store_options

CONFIG = """
[default]
region = eu-west-1

[profile garage]
region = garage
endpoint_url = https://garage.example:3900/
ca_bundle = {bundle}

[profile nested]
services = local
region = local

[services local]
s3 =
    endpoint_url = http://127.0.0.1:9000
ec2 =
    endpoint_url = http://127.0.0.1:1
"""
CREDENTIALS = """
[default]
aws_access_key_id = A
aws_secret_access_key = B

[garage]
aws_access_key_id = C
aws_secret_access_key = D
aws_session_token = E
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".aws"
    folder.mkdir()
    (tmp_path / "bundle.pem").write_bytes(b"PEM")
    (folder / "config").write_text(CONFIG.format(bundle=tmp_path / "bundle.pem"))
    (folder / "credentials").write_text(CREDENTIALS)
    return tmp_path


def test_without_anything_the_region_is_the_usual_one(tmp_path: Path) -> None:
    assert store_options({}, tmp_path) == {"region": "us-east-1"}
    assert certificates({}, tmp_path) is None


def test_the_default_profile(home: Path) -> None:
    assert store_options({}, home) == {
        "region": "eu-west-1", "access_key_id": "A", "secret_access_key": "B",
    }  # fmt: skip


def test_a_named_profile(home: Path) -> None:
    environ = {"AWS_PROFILE": "garage"}
    assert store_options(environ, home) == {
        "region": "garage", "endpoint": "https://garage.example:3900",
        "access_key_id": "C", "secret_access_key": "D", "session_token": "E",
    }  # fmt: skip
    assert certificates(environ, home) == b"PEM"


def test_a_profiles_settings_for_s3_alone(home: Path) -> None:
    assert store_options({"AWS_PROFILE": "nested"}, home)["endpoint"] == "http://127.0.0.1:9000"


def test_the_environment_goes_before_files(home: Path) -> None:
    environ = {
        "AWS_PROFILE": "garage", "AWS_DEFAULT_REGION": "x", "AWS_ENDPOINT_URL": "https://all.example",
        "AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "env",
    }  # fmt: skip
    keys = {"access_key_id": "env", "secret_access_key": "env"}
    assert store_options(environ, home) == {"region": "x", "endpoint": "https://all.example", **keys}
    environ |= {"AWS_REGION": "y", "AWS_ENDPOINT_URL_S3": "https://s3.example"}
    assert store_options(environ, home) == {"region": "y", "endpoint": "https://s3.example", **keys}


def test_a_containers_credentials_go_before_those_of_files(home: Path) -> None:
    environ = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"}
    assert store_options(environ, home) == {"region": "eu-west-1"}


def test_files_in_other_places(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("[default]\nregion = mine\n")
    environ = {"AWS_CONFIG_FILE": str(tmp_path / "mine"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no")}
    assert store_options(environ, home) == {"region": "mine"}


def test_a_profile_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(SettingsError, match="AWS_PROFILE has a wrong value: there is no profile 'nobody'"):
        store_options({"AWS_PROFILE": "nobody"}, home)


def test_certificates_that_are_not_there_are_named(home: Path) -> None:
    with pytest.raises(SettingsError, match=r"AWS_CA_BUNDLE cannot be read: No such file.*: /nowhere\.pem"):
        certificates({"AWS_CA_BUNDLE": "/nowhere.pem"}, home)


def test_a_file_that_cannot_be_read_is_named(home: Path) -> None:
    (home / ".aws" / "config").write_text("no section\n")
    with pytest.raises(SettingsError, match="config cannot be read"):
        store_options({}, home)
