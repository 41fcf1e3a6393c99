"""SQLite's locks are not to be trusted on network file systems, so a data folder there is refused."""

from pathlib import Path

from webapp.errors import SettingsError

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs",
     "nfs4", "smb3", "smbfs"}
)  # fmt: skip
MOUNT_TABLE = Path("/proc/self/mounts")


def file_system_of(path: Path, mount_table: str) -> str | None:
    """The type of the file system that holds `path`, by the longest mount point above it."""
    best: tuple[int, str] | None = None
    for line in mount_table.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        mount_point = Path(fields[1].replace("\\040", " "))
        if path.is_relative_to(mount_point) and (best is None or len(mount_point.parts) >= best[0]):
            best = (len(mount_point.parts), fields[2])
    return best[1] if best else None


def refuse_network_file_system(folder: Path, mount_table: str | None = None) -> None:
    """Raise SettingsError when `folder` lies on a network file system.

    Systems without a mount table in /proc (macOS) are not checked.
    """
    if mount_table is None:
        if not MOUNT_TABLE.exists():
            return
        mount_table = MOUNT_TABLE.read_text(encoding="utf-8", errors="replace")
    kind = file_system_of(folder.resolve(), mount_table)
    if kind in NETWORK_FILE_SYSTEMS:
        raise SettingsError(
            f"SOUNDLOOM_DATA_DIR is on a network file system ({kind}), where SQLite can lose data; "
            "use a local folder, or PostgreSQL through SOUNDLOOM_DATABASE_URL."
        )
