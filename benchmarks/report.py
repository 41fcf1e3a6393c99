"""Where and with what a measurement was taken, and where its figures are kept."""

import json
import os
import platform
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("litestar", "uvicorn", "uvloop", "httptools", "msgspec", "piccolo", "asyncpg")


def machine() -> dict[str, object]:
    """The machine and the versions of everything that the figures depend on."""
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in PACKAGES},
    }


def cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    facts = (
        dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        if cpuinfo.exists()
        else {}
    )
    named = {key.strip(): value.strip() for key, value in facts.items()}
    family = f" (family {named['cpu family']}, model {named['model']})" if "cpu family" in named else ""
    return named.get("model name", platform.processor() or platform.machine()) + family


def processor_s(pid: int) -> float:
    """Processor time that a process has taken, in steps of 10 ms; other load on the machine is not in it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


def peak_mb(pid: int) -> float:
    """The most memory that a process has held at any time."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


def keep(name: str, where: Mapping[str, object], figures: Mapping[str, object]) -> Path:
    """Write the figures beside those of other benchmarks, in place of the last run's."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    taken = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    path.write_text(json.dumps({"taken": taken, "machine": where, **figures}, indent=1) + "\n")
    return path
