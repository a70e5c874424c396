"""Where instances come from: files, or a DICOM store. Either lists them, names what they claim to be, and gives their bytes."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from multiprocessing.pool import AsyncResult, ThreadPool
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, unquote

from transforms.model.dicom_store import DicomStore
from transforms.model.dicomweb import client_of
from transforms.model.errors import ConfigError, InstanceProblem, StoreError
from transforms.model.large import Content
from transforms.model.records import InstanceUids
from transforms.model.storage import glob_folder, list_files
from transforms.read.chosen import ChosenReference
from transforms.read.identify import instance_uids, sop_instance
from transforms.read.open import gone, read_content

PAGE = 1000
"""Results of one QIDO-RS call, more than one; the Healthcare API gives at most 5,000 studies (quotas)."""
_LISTINGS = 5
"""How often a search is made while its results shift."""
_AT_ONCE = 8
"""Studies that are listed at the same time."""
_LEVELS = ("studies", "series", "instances")
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"

T = TypeVar("T")


class Origin(Protocol):
    """A source. References only: it is pickled."""

    @property
    def root(self) -> str:
        """What most of its URIs begin with, without the slash."""

    def instances(self) -> Iterator[tuple[str, int]]:
        """URI and size in bytes (0 where it is not told) of each instance, in an order that stays. Raises ConfigError, StoreError."""

    def listed_uids(self, uri: str) -> InstanceUids | None:
        """All three UIDs of an instance, where the listing tells them."""

    def sop_instance(self, uri: str, size: int) -> str | None:
        """The SOP Instance UID that an instance claims; None where it claims none or cannot be read."""

    def uids(self, uri: str, size: int) -> InstanceUids:
        """All three UIDs that an instance claims; empty what it does not claim, or what cannot be read."""

    def content(self, uri: str, size: int = 0) -> Content:
        """The whole file, of the size that was listed, if one was. Raises InstanceProblem."""


@dataclasses.dataclass(frozen=True)
class Files:
    """A folder, glob, list or file, on disk or Cloud Storage."""

    name: str

    @property
    def root(self) -> str:
        """The folder before a wildcard."""
        return glob_folder(self.name)

    def instances(self) -> Iterator[tuple[str, int]]:
        """All files: what is no instance is told later."""
        return list_files(self.name)

    def listed_uids(self, uri: str) -> None:
        """Files tell them when they are read."""

    def sop_instance(self, uri: str, size: int) -> str | None:
        """By a look at the first kilobytes."""
        return sop_instance(uri, size)

    def uids(self, uri: str, size: int) -> InstanceUids:
        """By a look a little further."""
        return instance_uids(uri, size)

    def content(self, uri: str, size: int = 0) -> Content:
        """As it stands."""
        return read_content(uri, size)


@dataclasses.dataclass(frozen=True)
class Store:
    """A DICOM store by DICOMweb; a URI is the store's name, `/dicomWeb/` and the instance's path."""

    store: DicomStore
    chosen: ChosenReference | None = None
    """Only these are listed."""

    @property
    def root(self) -> str:
        """Below it are `studies`."""
        return f"{self.store.name}/dicomWeb"

    def instances(self) -> Iterator[tuple[str, int]]:
        """Study by study, as QIDO-RS lists them; one in which nothing is found then counts as one instance, whose URI is the study's."""
        empty = True
        for path in itertools.chain.from_iterable(_side_by_side(self._below, self._searches())):
            empty = False
            yield f"{self.root}/{path}", 0
        if empty:
            raise ConfigError("--source", "the store has no instance of what is asked for", "see that it is the store meant")

    def listed_uids(self, uri: str) -> InstanceUids:
        """They are the path."""
        study, series, instance = (*self._uids(uri), "", "")[:3]
        return InstanceUids(study, series, instance)

    def sop_instance(self, uri: str, size: int) -> str | None:  # noqa: ARG002 - as of any origin
        """The store knows it."""
        return self.listed_uids(uri).instance or None

    def uids(self, uri: str, size: int) -> InstanceUids:  # noqa: ARG002 - as of any origin
        """As they were listed."""
        return self.listed_uids(uri)

    def content(self, uri: str, size: int = 0) -> Content:  # noqa: ARG002 - a store does not list it
        """By WADO-RS, in the transfer syntax in which it is stored."""
        uids, path = self._uids(uri), self._path(uri)
        try:
            found = _answered(uids, lambda: client_of(self.store).retrieve(path)) if len(uids) == len(_LEVELS) else None
        except StoreError as fault:
            sentence = f"the source store does not give it ({fault.got or 'no answer'})"
            raise InstanceProblem("read", "UNREADABLE", sentence) from None
        if found is not None:
            return found
        if all(map(_is_valid, uids)):
            raise gone()
        raise InstanceProblem("read", "BAD_UID", "the source store lists it by a UID that is not valid, and gives nothing for that")

    def _uids(self, uri: str) -> list[str]:
        """Of study, series and instance; of the study alone, where the URI is a study's."""
        return [unquote(part) for part in self._path(uri).split("/")[1::2]]

    def _path(self, uri: str) -> str:
        return uri.removeprefix(f"{self.root}/")

    def _searches(self) -> Iterator[str]:
        """The paths below which instances are searched: no two have one in common, so that nobody need remember what was listed."""
        if self.chosen is None:
            yield from dict.fromkeys(f"studies/{_segment(study)}" for (study,) in self._listed("studies", (_STUDY,)))
            return
        lines = self.chosen.load().lines
        for uids in sorted(lines):
            if not any(uids[:above] in lines for above in range(1, len(uids))):
                yield "/".join(f"{level}/{uid}" for level, uid in zip(_LEVELS, uids, strict=False))

    def _below(self, path: str) -> list[str]:
        """The paths of the instances of a study or series, or of one instance, where the store has it, each once.

        A study that it listed and has nothing of is its own path: it went meanwhile, or cannot be asked for.
        """
        uids = [unquote(part) for part in path.split("/")[1::2]]
        if len(uids) == 1:
            found = _answered(uids, lambda: self._listed(f"{path}/instances", (_SERIES, _INSTANCE))) or []
            if not found and self.chosen is None:
                return [path]
            return sorted({f"{path}/series/{_segment(series)}/instances/{_segment(uid)}" for series, uid in found})
        study, series, *instance = uids
        below, only = f"studies/{study}/series/{series}/instances", {"SOPInstanceUID": instance[0]} if instance else {}
        found = _answered(uids, lambda: self._listed(below, (_INSTANCE,), only)) or []
        return sorted({f"{below}/{_segment(uid)}" for (uid,) in found if uid in instance or not instance})

    def _listed(self, path: str, tags: Sequence[str], parameters: Mapping[str, str] | None = None) -> list[tuple[str, ...]]:
        """These UIDs of all results of a search. Raises StoreError.

        Pages are by offset, so what comes or goes at the store meanwhile may shift a result from one page to another that was read
        before. Where that cannot be mended the search begins anew.
        """
        for _ in range(_LISTINGS):
            found = self._pages(path, tags, parameters or {})
            if found is not None:
                return found
        why = "its pages do not fit together: it changes all the time, or the store does not keep offset"
        raise StoreError("the listing", why, "start the same command again when nobody writes to the store, or choose by filterConfig")

    def _pages(self, path: str, tags: Sequence[str], parameters: Mapping[str, str]) -> list[tuple[str, ...]] | None:
        """Page by page until nothing new comes, since a server may give fewer than it is asked for (though more than one).

        Each page begins with the last result of the one before, or with what came to the store in front of it. None where it is not
        there: then so many went that others may have slipped in front of the page.
        """

        def page_at(offset: int) -> list[tuple[str, ...]]:
            page = client_of(self.store).search(path, {**parameters, "limit": str(PAGE), "offset": str(offset)})
            return [tuple(_uid(item, tag) for tag in tags) for item in page]

        offset, page = 0, page_at(0)
        found, most = list(page), max(2, len(page))
        while found:
            offset += len(page) - 1
            page = page_at(offset)
            if found[-1] not in page:
                return None
            fresh = page[page.index(found[-1]) + 1 :]
            if not fresh:
                return found if len(page) < most else None
            found += fresh
        return found


def _side_by_side(work: Callable[[str], T], items: Iterable[str]) -> Iterator[T]:
    """What `work` makes of each, in their order, and of a few ahead; who stops here waits for none of these."""
    ahead: collections.deque[AsyncResult[T]] = collections.deque()
    with ThreadPool(_AT_ONCE) as pool:  # its threads are daemons: a store's back-off holds up neither Ctrl-C nor the end
        for item in items:
            ahead.append(pool.apply_async(work, (item,)))
            if len(ahead) == 2 * _AT_ONCE:
                yield ahead.popleft().get()
        while ahead:
            yield ahead.popleft().get()


def _answered(uids: Collection[str], call: Callable[[], T]) -> T | None:
    """What a call says that has these UIDs in its path; None where nothing is there (any more), and where one is not valid, and the
    store cannot be asked for it or refuses. Raises StoreError.
    """
    if not all(uid.strip(".") for uid in uids):
        return None
    try:
        return call()
    except StoreError as fault:
        refused = fault.got.startswith("HTTP 4") and not all(map(_is_valid, uids))
        if refused or fault.got in ("HTTP 404", "HTTP 410"):
            return None
        raise


def _uid(item: dict[str, Any], tag: str) -> str:
    """A UID of a QIDO-RS result without its padding, whatever it looks like; empty where it has none."""
    element = item.get(tag)
    value = element.get("Value") if isinstance(element, dict) else None
    return value[0].strip("\0 ") if isinstance(value, list) and value and isinstance(value[0], str) else ""


def _is_valid(uid: str) -> bool:
    """Whether it is a UID by its characters."""
    return bool(uid.strip(".")) and not set(uid) - set("0123456789.")


def _segment(uid: str) -> str:
    return quote(uid, safe="", errors="replace")
