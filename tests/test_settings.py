"""Settings: what is read, what is refused, and that the documentation tells the truth."""

import re
from pathlib import Path

import msgspec
import pytest

from webapp.errors import SettingsError
from webapp.logs import leave_out_injected
from webapp.settings import PREFIX, Settings, load_settings

DOCUMENT = Path(__file__).parent.parent / "docs" / "configuration.md"


def test_without_variables_the_defaults_hold() -> None:
    settings = load_settings({})
    assert (settings.host, settings.port, settings.workers, settings.engine) == ("127.0.0.1", 5309, 1, "auto")
    assert settings.data_path.is_absolute()


def test_values_are_read_with_their_types() -> None:
    settings = load_settings(
        {"SOUNDLOOM_PORT": " 8080 ", "SOUNDLOOM_LEASE_S": "9.5", "SOUNDLOOM_HOST": "", "PATH": "/bin"}
    )
    assert (settings.port, settings.lease_s, settings.host) == (8080, 9.5, "127.0.0.1")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOUNDLOOM_PORT", "many"),
        ("SOUNDLOOM_PORT", "70000"),
        ("SOUNDLOOM_WORKERS", "-1"),
        ("SOUNDLOOM_ENGINE", "magic"),
        ("SOUNDLOOM_LEASE_S", "nan"),
        ("SOUNDLOOM_LEASE_S", "inf"),
        ("SOUNDLOOM_REGISTRATION", "maybe"),
        ("SOUNDLOOM_PRT", "80"),
        ("SOUNDLOOM_DEVICE", "toaster"),
        ("SOUNDLOOM_PRECISION", "int3"),
        ("SOUNDLOOM_THREADS", "-1"),
        ("SOUNDLOOM_MODEL_IDLE_S", "-1"),
        ("SOUNDLOOM_HEARTBEAT_S", "5"),
    ],
)
def test_a_wrong_value_is_one_clear_line_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable) as refusal:
        load_settings({variable: value})
    assert "\n" not in str(refusal.value)
    assert "$" not in str(refusal.value)


INJECTED = {
    "SOUNDLOOM_PORT": "tcp://10.0.0.1:80",
    "SOUNDLOOM_SERVICE_HOST": "10.0.0.1",
    "SOUNDLOOM_SERVICE_PORT": "80",
    "SOUNDLOOM_SERVICE_PORT_HTTP": "80",
    "SOUNDLOOM_PORT_80_TCP": "tcp://10.0.0.1:80",
    "SOUNDLOOM_PORT_80_TCP_PROTO": "tcp",
    "SOUNDLOOM_PORT_80_TCP_PORT": "80",
    "SOUNDLOOM_PORT_80_TCP_ADDR": "10.0.0.1",
    "SOUNDLOOM_WEB_SERVICE_HOST": "fd00::1",
    "SOUNDLOOM_WEB_PORT": "tcp://[fd00::1]:5309",
    "SOUNDLOOM_WEB_PORT_53_UDP": "udp://[fd00::1]:53",
    "SOUNDLOOM_NAME": "/worker/soundloom",
    "SOUNDLOOM_WEB_1_NAME": "/worker/soundloom_web_1",
    "SOUNDLOOM_PORT_80_TCP_START": "tcp://172.17.0.5:80",
    "SOUNDLOOM_PORT_80_TCP_END": "tcp://172.17.0.5:89",
    "SOUNDLOOM_PORT_80_TCP_PORT_START": "80",
    "SOUNDLOOM_PORT_80_TCP_PORT_END": "89",
    "SOUNDLOOM_ENV_SOUNDLOOM_DATA_DIR": "/data",
    "SOUNDLOOM_ENV_PATH": "/usr/bin:/bin",
}


def test_what_kubernetes_says_of_a_service_is_no_setting() -> None:
    settings = load_settings({**INJECTED, "SOUNDLOOM_WORKERS": "2"})
    assert (settings.port, settings.workers) == (5309, 2)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOUNDLOOM_PORT", "tcp://10.0.0.1"),
        ("SOUNDLOOM_PORT", "tcp:/10.0.0.1:80"),
        ("SOUNDLOOM_PORT", "http://10.0.0.1:80"),
        ("SOUNDLOOM_PORT", "tcp://10.0.0.1:80000"),
        ("SOUNDLOOM_PORT", "tcp://10.0.0.999:80"),
        ("SOUNDLOOM_PORT", "10.0.0.1:80"),
        ("SOUNDLOOM_SERVICE_HOST", "soundloom.example"),
        ("SOUNDLOOM_SERVICE_PORT", "http"),
        ("SOUNDLOOM_PORT_80_TCP_PROTO", "http"),
        ("SOUNDLOOM_HOST_PORT", "80"),
        ("SOUNDLOOM_NAME", "soundloom"),
        ("SOUNDLOOM_PORT_80_TCP_START", "80"),
    ],
)
def test_what_only_looks_like_it_stops_the_start(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        load_settings({variable: value})


def test_what_was_injected_is_told_in_one_line_and_kept_from_children(
    caplog: pytest.LogCaptureFixture,
) -> None:
    environ = {**INJECTED, "SOUNDLOOM_WORKERS": "2"}
    leave_out_injected(environ)
    leave_out_injected(environ)
    assert environ == {"SOUNDLOOM_WORKERS": "2"}
    (record,) = caplog.records
    assert record.__dict__["variables"].split(",") == sorted(INJECTED)


def _described() -> dict[str, tuple[str, str]]:
    """Each setting's variable, with its default and its meaning."""
    schema = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    return {
        PREFIX + name.upper(): (str(entry.get("default", "")), entry["description"])
        for name, entry in schema.items()
    }


def test_the_documentation_lists_every_setting_with_its_default_and_meaning() -> None:
    rows = re.findall(
        r"^\| `(SOUNDLOOM_\w+)` \| (.*?) \| (.*?) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
    documented = {variable: (default.strip("`"), meaning) for variable, default, meaning in rows}
    assert documented == _described()
