"""Objects of Google Cloud Storage, by the functions of `storage`: created under the precondition that there is none yet.

The client is made when the first gs:// name is used, and never before: finding credentials may take seconds and asks the
network. STORAGE_EMULATOR_HOST names a stand-in, which gets no credentials. What the library raises becomes an OSError
without the object's name, as for a file. Source: Cloud Storage JSON API, `objects`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ParamSpec, TypeVar

from transforms.model.errors import ConfigError, PreflightError
from transforms.model.large import Content, View, as_file, view

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud import storage

SCHEME = "gs://"
_URI = re.compile(r"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(?P<name>.*))?", re.DOTALL)
_TOKENS = re.compile(r"(\*\*/|\*+|\?|\[[^\]/]+\])")
_BINARY = "application/octet-stream"
_FIELDS = "items(name,size),nextPageToken"
_AT_ONCE = 8 << 20
"""Bytes that the library uploads in one request."""

T = TypeVar("T")
P = ParamSpec("P")


def is_gcs(uri: object) -> bool:
    """Whether this is a gs:// name."""
    return isinstance(uri, str) and uri.startswith(SCHEME)


def split(uri: str, at: str) -> tuple[str, str]:
    """Bucket and object name (or the start of names; empty for a whole bucket). Raises ConfigError that names the option `at`."""
    found = _URI.fullmatch(uri)
    if found is None:
        raise ConfigError(at, "this is no name on Cloud Storage", "write gs://BUCKET/OBJECT; a bucket's name has small letters and digits")
    return found["bucket"], found["name"] or ""


def _asked(call: Callable[P, T]) -> Callable[P, T]:
    """For what asks the store once. The library tries again, for two minutes, what may pass; what it takes to be whole and is not
    (content at odds with its checksum, JSON without an end) it does not, so the call is made anew. What it raises becomes an OSError.
    """

    @functools.wraps(call)
    def persistently(*args: P.args, **kwargs: P.kwargs) -> T:
        with _as_os_error():
            answer: T = call(*args, **kwargs) if kwargs.get("within") else _again()(call)(*args, **kwargs)
            return answer

    return persistently


@functools.cache
def _again() -> Retry:
    from google.api_core.retry import Retry, if_exception_type  # noqa: PLC0415
    from google.cloud.storage.exceptions import DataCorruption  # noqa: PLC0415
    from requests.exceptions import JSONDecodeError  # noqa: PLC0415

    return Retry(if_exception_type(DataCorruption, JSONDecodeError))


def _page_again(call: Callable[[], Any]) -> Callable[[], Any]:
    """The same for each page of a listing."""
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415

    return _again()(DEFAULT_RETRY(call))


def matches(source: str) -> Iterator[tuple[str, int]]:
    """The objects that a folder, name or glob means, with their sizes in bytes, in the order of their names. Raises OSError.

    A name means the object and all below it as a folder: the store may hold both, and neither is left out.
    """
    bucket, name = _parts(source)
    with _as_os_error():
        found = _listed(bucket, name, None)
        first = next(found, None)
        if first is not None:
            yield first
            yield from found
        elif "*" in name or "?" in name or "[" in name:
            yield from _listed(bucket, re.split(r"[*?\[]", name)[0], _pattern(name))


def glob(folder: str, pattern: str) -> Iterator[str]:
    """The names of objects in a folder that match a pattern there, in their order; `folder` is taken as it is. Raises OSError."""
    bucket, name = _parts(folder)
    start = f"{name.rstrip('/')}/" if name else ""
    with _as_os_error():
        whole = re.compile(re.escape(start) + _pattern(pattern).pattern, re.DOTALL)
        yield from (found for found, _ in _listed(bucket, start + re.split(r"[*?\[]", pattern)[0], whole))


@_asked
def size(uri: str) -> int | None:
    """Bytes of an object; None where there is none. Raises OSError."""
    bucket, name = _parts(uri)
    blob = _client().bucket(bucket).get_blob(name) if name else None
    return None if blob is None else int(blob.size or 0)


@_asked
def read(uri: str) -> bytes:
    """The whole content. Raises OSError (FileNotFoundError where there is none)."""
    content: bytes = _blob(uri).download_as_bytes()
    return content


@_asked
def read_into(uri: str, file: BinaryIO) -> None:
    """The whole content, into an empty file. Raises OSError (FileNotFoundError where there is none)."""
    file.seek(0)
    file.truncate()
    _blob(uri).download_to_file(file)


@_asked
def read_start(uri: str, count: int) -> bytes:
    """The first `count` bytes, or all where there are fewer. Raises OSError."""
    from google.api_core.exceptions import RequestRangeNotSatisfiable  # noqa: PLC0415

    try:
        content: bytes = _blob(uri).download_as_bytes(start=0, end=count - 1)
    except RequestRangeNotSatisfiable:  # an empty object has no first byte
        return b""
    return content[:count]


@dataclasses.dataclass(frozen=True)
class Generation:
    """One version of an object."""

    content: bytes
    number: int
    created: dt.datetime
    """When this version was written, by the store's clock."""


@_asked
def read_generation(uri: str, number: int | None = None, within: float | None = None) -> Generation:
    """The present content, or that of version `number`, and which version it is. `within` as of `take_over`. Raises OSError."""
    bucket, name = _parts(uri)
    blob = _client().bucket(bucket).get_blob(name, generation=number, **_hurried(within)) if name else None
    if blob is None:
        raise FileNotFoundError("there is no such object")
    pinned = _client().bucket(bucket).blob(name, generation=blob.generation)
    return Generation(pinned.download_as_bytes(**_hurried(within)), int(blob.generation), blob.time_created)


@_asked
def create_if_absent(uri: str, content: Content) -> bool:
    """Put an object in one step; False if one stands there already (which is left as it is). Raises OSError.

    The precondition decides. What takes several requests to put is asked for first, so that a run that is repeated uploads nothing of it.
    After a lost answer it may be our own that stands there: whoever must know compares the content.
    """
    from google.api_core.exceptions import PreconditionFailed  # noqa: PLC0415

    if len(content) > _AT_ONCE and size(uri) is not None:
        return False
    try:
        _blob(uri).upload_from_file(as_file(view(content)), size=len(content), content_type=_BINARY, if_generation_match=0)
    except PreconditionFailed:
        return False
    return True


def replace(uri: str, content: bytes | Iterable[View]) -> None:
    """Put an object in one step, in place of what was there. Raises OSError."""
    if isinstance(content, bytes):
        _replace(uri, content)
        return
    with _as_os_error(), _blob(uri).open("wb", content_type=_BINARY, ignore_flush=True) as upload:  # parts come once
        upload.writelines(content)


@_asked
def _replace(uri: str, content: bytes) -> None:
    _blob(uri).upload_from_string(content, content_type=_BINARY)


@_asked
def upload(uri: str, file: Path) -> None:
    """Put a file there as an object in one step, in place of what was there. Raises OSError."""
    _blob(uri).upload_from_filename(str(file), content_type=_BINARY)


@_asked
def take_over(uri: str, content: bytes, generation: int, within: float | None = None) -> int | None:
    """Put an object in place of one version of it; the new version, or None if it is another one by now. Raises OSError.

    `within` so many seconds the store has to answer, and is not asked again; by default it is asked for two minutes.
    """
    from google.api_core.exceptions import NotFound, PreconditionFailed  # noqa: PLC0415

    blob = _blob(uri)
    try:
        blob.upload_from_string(content, content_type=_BINARY, if_generation_match=generation, **_hurried(within))
    except (PreconditionFailed, NotFound):
        return None
    return int(blob.generation)


@_asked
def remove(uri: str) -> None:
    """Take an object away. Raises OSError (FileNotFoundError where there is none)."""
    _blob(uri).delete()


def _listed(bucket: str, start: str, pattern: re.Pattern[str] | None) -> Iterator[tuple[str, int]]:
    """Objects whose names match, or, without a pattern, are `start` or lie below it; not the empty marks of folders."""
    folder = start if not start or start.endswith("/") else f"{start}/"
    for blob in _client().list_blobs(bucket, prefix=start or None, fields=_FIELDS, retry=_page_again):
        wanted = pattern.fullmatch(blob.name) if pattern else blob.name == start or blob.name.startswith(folder)
        if wanted and not (blob.name.endswith("/") and not blob.size):
            yield f"{SCHEME}{bucket}/{blob.name}", int(blob.size or 0)


def _pattern(glob: str) -> re.Pattern[str]:
    """`*` and `?` stay within a folder, `**/` stands for any number of folders, `[…]` for one of these characters."""
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    made = ""
    for token in _TOKENS.split(glob):
        if token.startswith("[") and _TOKENS.fullmatch(token):
            listed = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            made += f"[^{listed[1:]}]" if listed.startswith("!") else f"[{listed}]"
        else:
            made += meaning.get(token) or re.escape(token)
    return re.compile(made, re.DOTALL)


def _hurried(within: float | None) -> dict[str, Any]:
    """What makes the library ask once."""
    return {} if within is None else {"timeout": within, "retry": None}


def _parts(uri: str) -> tuple[str, str]:
    return split(uri, "a gs:// name")


def _blob(uri: str) -> Any:
    bucket, name = _parts(uri)
    if not name:
        raise IsADirectoryError("this names a bucket, and no object in it")
    return _client().bucket(bucket).blob(name)


def _client() -> storage.Client:
    return _client_of(os.environ.get("STORAGE_EMULATOR_HOST", ""))


@functools.cache
def _client_of(emulator: str) -> storage.Client:
    """One client a process; the library shares it between threads."""
    import google.auth.credentials  # noqa: PLC0415 - a quarter of a second, for those who use it
    import google.auth.exceptions  # noqa: PLC0415
    from google.cloud import storage  # noqa: PLC0415

    if emulator:
        endpoint = emulator if "://" in emulator else f"http://{emulator}"
        credentials = google.auth.credentials.AnonymousCredentials()
        return storage.Client(None, credentials, client_options={"api_endpoint": endpoint})
    try:
        return storage.Client(None)  # no project: only making buckets needs one
    except google.auth.exceptions.DefaultCredentialsError:
        why = "no Google credentials were found on this machine"
        raise PreflightError("Cloud Storage", why, "run: gcloud auth application-default login") from None


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """What the library raises, as an OSError whose text holds no name."""
    from google.api_core import exceptions  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        yield
    except exceptions.NotFound:
        raise FileNotFoundError("Cloud Storage has no such bucket or object") from None
    except (exceptions.Forbidden, exceptions.Unauthorized, GoogleAuthError):
        raise PermissionError("Cloud Storage refuses the access") from None
    except (exceptions.GoogleAPIError, InvalidResponse, DataCorruption, RequestException) as error:
        raise OSError(f"Cloud Storage does not answer as it should ({type(error).__name__})") from None
