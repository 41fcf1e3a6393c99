"""How much memory a host has left for models."""

from pathlib import Path

from webapp.engines.memory import HostMemory


def test_host_memory_is_what_host_and_container_leave(tmp_path: Path) -> None:
    meminfo, group = tmp_path / "meminfo", tmp_path / "group"
    memory = HostMemory(meminfo, group)
    assert memory.available_bytes() is None
    meminfo.write_text("MemTotal: 32 kB\nMemAvailable:      2000 kB\n")
    assert memory.available_bytes() == 2_048_000
    group.mkdir()
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("5000\n")
    assert memory.available_bytes() == 2_048_000
    (group / "memory.max").write_text("15000\n")
    assert memory.available_bytes() == 10_000
