"""Sounds in an S3-compatible object store: a group is a few objects, which the row in the database joins."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar, cast

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from webapp.storage.aws_settings import certificates, store_options
from webapp.storage.copying import copy_out, lacking
from webapp.storage.names import FILE_NAMES, KEY, MARK_NAME, file_path, group_path
from webapp.storage.object_file import ObjectFile, object_faults
from webapp.storage.object_pieces import ObjectPieces
from webapp.storage.staging import Staging
from webapp.storage.storage import CopiedFile, Wanted

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

T = TypeVar("T")

MEDIA_TYPES: Final = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
}
# What browsers get that are sent to the store itself: a sound never changes under its name.
CACHE_CONTROL: Final = "private, max-age=31536000, immutable"
# Longer files are uploaded, and copied, in parts, each with a time limit of its own.
PART_BYTES: Final = 8 << 20
PARTS_AT_ONCE: Final = 4
COPYING_THREADS: Final = 32
LISTING_THREADS: Final = 16
# Looking for this many groups one by one takes longer than listing all there are.
MOST_SINGLE_LOOKS: Final = 2_000
CONNECT_S: Final = 5
REQUEST_S: Final = 60
# The client tries again this often within a call; whoever has more patience calls again.
TRIES_AGAIN: Final = 4
RETRY_S: Final = 10


class ObjectStorage:
    """Groups of files as objects `sounds/<first two digits>/<key>/<name>` below a prefix of a bucket."""

    def __init__(self, root: Path, store: S3Store, *, location: str, origin: str) -> None:
        """Stage files below the folder `root`, which is this host's own."""
        self._store = store
        self._location = location
        self._origin = origin
        self._staging = Staging(root)
        self._pieces_of_streams = ObjectPieces(store)

    @classmethod
    def of_bucket(
        cls, root: Path, bucket: str, prefix: str, environ: Mapping[str, str], *, home: Path
    ) -> "ObjectStorage":
        """Make a client for a bucket; it asks nothing yet. Raises SettingsError."""
        options = store_options(environ, home)
        client: ClientConfig = {
            "allow_http": options.get("endpoint", "").startswith("http://"),
            "connect_timeout": timedelta(seconds=CONNECT_S),
            "timeout": timedelta(seconds=REQUEST_S),
        }
        if pem := certificates(environ, home):
            client["root_certificate"] = pem
        store = S3Store(
            bucket,
            prefix=prefix or None,
            config=cast("S3Config", options),
            client_options=client,
            retry_config={"max_retries": TRIES_AGAIN, "retry_timeout": timedelta(seconds=RETRY_S)},
        )
        endpoint = options.get("endpoint") or f"https://s3.{options['region']}.amazonaws.com"
        scheme, _, rest = endpoint.partition("://")
        origin = f"{scheme}://{rest.partition('/')[0]}"
        return cls(root, store, location=f"s3://{bucket}/{prefix}".rstrip("/"), origin=origin)

    @property
    def location(self) -> str:
        return self._location

    @property
    def origin(self) -> str:
        return self._origin

    @property
    def pieces(self) -> ObjectPieces:
        return self._pieces_of_streams

    def staging_folder(self) -> Path:
        return self._staging.folder()

    async def publish(self, key: str, staged: Path) -> None:
        """Upload every file. Nobody looks for one before the row is there, so their order does not matter."""
        uploads = [self._upload(file_path(key, path.name), path) for path in self._staging.files(staged)]
        # All of them have come to an end when this returns, whatever happens.
        outcomes = await asyncio.gather(*uploads, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        await self._staging.discard(staged)

    async def discard(self, staged: Path) -> None:
        await self._staging.discard(staged)

    async def open(self, key: str, name: str) -> ObjectFile:
        path = file_path(key, name)
        with object_faults():
            found = await self._store.head_async(path)
        size = found["size"]
        return ObjectFile(self._store, path, f"{key}-{size:x}", size, found["last_modified"].timestamp())

    @asynccontextmanager
    async def local_file(self, key: str, name: str) -> AsyncIterator[Path]:
        folder = self._staging.folder()
        try:
            copied = await copy_out(self._pieces, {key: [name]}, folder, threads=1)
            if not copied[key]:
                raise FileNotFoundError(file_path(key, name))
            yield folder / key / name
        finally:
            await self._staging.discard(folder)

    async def signed_url(self, key: str, name: str, *, method: str, for_s: int) -> str | None:
        """Sign an address. The store is asked nothing, unless the credentials have to be renewed."""
        signed_method: Literal["GET", "HEAD"] = "HEAD" if method == "HEAD" else "GET"
        with object_faults():
            return await obstore.sign_async(
                self._store, signed_method, file_path(key, name), timedelta(seconds=for_s)
            )

    async def copy_out(self, wanted: Wanted, target: Path) -> Mapping[str, Sequence[CopiedFile]]:
        return await copy_out(self._pieces, wanted, target, threads=COPYING_THREADS)

    async def missing(self, wanted: Wanted) -> Mapping[str, tuple[str, ...]]:
        """Look by listing, which tells of a thousand files at once."""
        if len(wanted) > MOST_SINGLE_LOOKS:
            groups = await self._shards()
        else:
            groups = [group_path(key) for key in wanted]
        with_content: set[str] = set()
        for paths in await _in_threads(partial(self._listed, of=wanted), groups):
            with_content |= paths
        return lacking(wanted, lambda key, name: file_path(key, name) in with_content)

    async def delete(self, key: str) -> None:
        with object_faults():
            await self._store.delete_async([file_path(key, name) for name in FILE_NAMES])

    async def keys(self) -> Collection[str]:
        return {key async for share in self.key_shares() for key in share}

    async def key_shares(self) -> AsyncGenerator[Collection[str], None]:
        left = iter(sorted(await self._shards()))
        while some := list(islice(left, LISTING_THREADS)):
            yield set().union(*await _in_threads(self._keys, some))

    async def free_bytes(self) -> int | None:
        return None

    async def sweep_staging(self) -> int:
        return await self._staging.sweep()

    async def mark(self) -> str:
        with object_faults():
            try:
                found = await self._store.get_async(MARK_NAME)
                return bytes(await found.bytes_async()).decode().strip()
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return ""

    async def write_mark(self, text: str) -> str:
        with object_faults(), suppress(AlreadyExistsError):
            await self._store.put_async(MARK_NAME, f"{text}\n".encode(), mode="create")
        return await self.mark()

    async def require(self) -> None:
        await self.mark()

    async def _upload(self, path: str, file: Path) -> None:
        with object_faults():
            await self._store.put_async(
                path,
                file,
                attributes={"Content-Type": MEDIA_TYPES[file.suffix], "Cache-Control": CACHE_CONTROL},
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )

    def _pieces(self, key: str, name: str) -> Iterator[bytes]:
        """Fetch a file part by part. Blocking; raises FileNotFoundError and StorageAway."""
        path = file_path(key, name)
        with object_faults():
            found = self._store.get(path)
            size = found.meta["size"]
            whole = bytes(found.bytes()) if size <= PART_BYTES else None
        if whole is not None:
            yield whole
            return
        del found
        for at in range(0, size, PART_BYTES):
            with object_faults():
                piece = self._store.get_range(path, start=at, end=min(at + PART_BYTES, size))
            yield bytes(piece)

    async def _shards(self) -> list[str]:
        """Find the folders of groups, by the first two digits of their keys."""
        with object_faults():
            listed = await self._store.list_with_delimiter_async("sounds")
        return list(listed["common_prefixes"])

    def _keys(self, folder: str) -> set[str]:
        """List the keys in a folder. Blocking."""
        keys = {path.rpartition("/")[0].rpartition("/")[2] for path, _ in self._objects(folder)}
        return {key for key in keys if KEY.fullmatch(key)}

    def _listed(self, folder: str, *, of: Wanted) -> set[str]:
        """List the files in a folder that have content and belong to one of these groups. Blocking."""
        return {path for path, size in self._objects(folder) if size and path.split("/")[-2] in of}

    def _objects(self, folder: str) -> Iterator[tuple[str, int]]:
        with object_faults():
            for batch in self._store.list(prefix=folder, chunk_size=1_000):
                yield from ((found["path"], found["size"]) for found in batch)


async def _in_threads(work: Callable[[str], T], folders: Iterable[str]) -> list[T]:
    """Do something blocking for each folder, some of them at once."""

    def run() -> list[T]:
        with ThreadPoolExecutor(LISTING_THREADS, thread_name_prefix="listing") as pool:
            return list(pool.map(work, folders))

    return await asyncio.to_thread(run)
