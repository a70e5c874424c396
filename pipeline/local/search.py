"""`dicom-deid search`: a FHIR search straight from the workspace's SQLite or in any other store, and a short table of what it found."""

from __future__ import annotations

import contextlib
import urllib.parse
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.local import fhir_configure, fhir_json, fhir_search, sql
from pipeline.local.fhir_database import FhirDatabase
from pipeline.local.fhir_resource import Refusal
from transforms.fhir import install as remote
from transforms.fhir.client import FhirClient
from transforms.fhir.parameters import OURS, search_parameters
from transforms.model.credentials import TokenReference, token_for
from transforms.model.errors import ConfigError, StoreError
from transforms.model.names import HEALTHCARE_API, LOCAL_FHIR_STORE
from transforms.model.workspace import Workspace

GOOGLE = f"{HEALTHCARE_API}/v1beta1"
"""Parameters on extensions are a matter of v1beta1 only."""
IMAGES, TAGS = "https://g.co/dicom-images", "https://g.co/dicom-tags"


def search(workspace: Workspace, query: str, store: str = LOCAL_FHIR_STORE) -> dict[str, Any]:
    """All matches of `Type?name=value&…` as one searchset Bundle, whatever the page size; values are URL-encoded.

    Puts the page's parameters in force on its first use, and ours when a query first names them: an index of every finding
    is many times the size of the resources. Handling is strict: a mistyped parameter must not answer with everything.
    Raises ConfigError if the workspace holds no FHIR store or the query cannot be understood.
    """
    database = _database(workspace)
    type_, _, text = query.partition("?")
    items = urllib.parse.parse_qsl(text, keep_blank_values=True)
    install(database, store, _wanted(items))
    try:
        with database.read(store) as reader:
            pages = list(_pages(lambda more: fhir_search.search(reader, type_, [*items, *more], store, strict=True)))
    except Refusal as refusal:
        raise ConfigError("QUERY", refusal.text, "write it as 'Provenance?lookup-source-instance:contains=studies/1'") from None
    return _whole(pages)


def search_remotely(store: str, query: str, token: TokenReference | None = None) -> dict[str, Any]:
    """`search --fhir_store`: the same in another store, a URL, or a name of Google's; its pages as one Bundle, numbers as written.

    Nothing is installed there. Strict handling is asked for: to a parameter that a store does not know it would else answer with
    everything. Raises ConfigError where the store refuses the query, PreflightError, StoreError.
    """
    with _client(store, token) as client:
        try:
            return _whole(list(client.pages(query, strict=True)))
        except StoreError as fault:
            if fault.got.startswith(("HTTP 400", "HTTP 422")):
                why = f"the store does not understand it ({fault.got})"
                raise ConfigError("QUERY", why, "check its parameters; --install puts ours in force") from None
            raise


def _whole(pages: list[dict[str, Any]]) -> dict[str, Any]:
    entries = [entry for page in pages for entry in page.get("entry", ())]
    links = [link for link in pages[0].get("link", ()) if link["relation"] != "next"]
    return {**pages[0], "link": links, **({"entry": entries} if entries else {})}


def install_pack(workspace: Workspace) -> list[str]:
    """`search --install`: all shipped parameters in force in the workspace's own store; their codes. Raises ConfigError."""
    install(_database(workspace), LOCAL_FHIR_STORE)
    return [resource["code"] for resource in search_parameters().values()]


def install_remotely(store: str, token: TokenReference | None = None) -> list[str]:
    """`search --install --fhir_store`: the same in another store, a URL, or a name of Google's.

    `token` is for stores that want a bearer. Raises ConfigError, PreflightError, StoreError.
    """
    with _client(store, token) as client:
        return remote.install(client)


def _client(store: str, token: TokenReference | None) -> contextlib.closing[FhirClient]:
    url = f"{GOOGLE}/{store}" if store.startswith("projects/") else store
    if not url.startswith(("http://", "https://")):
        why = "a store is projects/P/locations/L/datasets/D/fhirStores/F or a URL"
        raise ConfigError("--fhir_store", why, "correct the name", store)
    return contextlib.closing(FhirClient(url, token_for(url, token), read=fhir_json.read))


def _database(workspace: Workspace) -> FhirDatabase:
    file = workspace.fhir_database
    if not (isinstance(file, Path) and file.is_file()):
        raise ConfigError("--workspace", "it holds no FHIR store", "name the workspace of a run that wrote to the embedded store")
    return FhirDatabase(file)


def _wanted(items: list[tuple[str, str]]) -> set[str]:
    """The canonical URLs of the page's parameters, and of ours that the query names, be it to sort by them."""
    names = {name.partition(":")[0] for name, _ in items}
    names |= {key.removeprefix("-") for name, value in items if name == "_sort" for key in value.split(",")}
    return {url for url, resource in search_parameters().items() if not url.startswith(OURS) or resource["code"] in names}


def install(database: FhirDatabase, store: str, urls: Collection[str] | None = None) -> None:
    """Put shipped parameters (their canonical URLs; None: all) in force beside those that are, and index everything under them.

    Writes nothing where that is so already.
    """
    shipped = {url: resource for url, resource in search_parameters().items() if urls is None or url in urls}
    with database.read(store) as reader:
        configured = [one["canonicalUrl"] for one in fhir_configure.configured(reader)]
        present = {one.resource.get("url") for one in reader.all("SearchParameter")}
    if not shipped.keys() <= set(configured):
        with database.write(store) as writer:
            for url in shipped.keys() - present:
                writer.put("SearchParameter", shipped[url]["id"], shipped[url])
        kept = [url for url in configured if url in present]  # one whose SearchParameter was deleted cannot be configured again
        fhir_configure.configure(database, store, [*kept, *shipped])
    for indexed, operation in fhir_configure.unfinished(database):
        if indexed == store:
            fhir_configure.reindex(database, store, operation)


def render(bundle: dict[str, Any], console: Console | None = None) -> None:
    """Print one row a Provenance: id, source, destination, recorded, number of boxes and of tag findings."""
    entries = [entry for entry in bundle.get("entry", ()) if entry.get("search", {}).get("mode", "match") == "match"]
    rows = [_row(entry["resource"]) for entry in entries]
    found = bundle.get("total", len(rows))
    sql.render(["id", "source", "destination", "recorded", "boxes", "tags"], rows, console, title=f"{found} found")


def _row(resource: dict[str, Any]) -> tuple[Any, ...]:
    if resource["resourceType"] != "Provenance":
        return resource["id"], resource.get("url", ""), "", resource.get("meta", {}).get("lastUpdated", ""), None, None
    entities = resource.get("entity", ())
    source = " ".join(_name(entity["what"]) for entity in entities)
    target = " ".join(_name(target) for target in resource.get("target", ()))
    extensions = [extension for entity in entities for extension in entity.get("extension", ())]
    boxes = sum(_count(extension, "left") for extension in extensions if extension["url"] == IMAGES)
    tags = sum(_count(extension, "tag-id") for extension in extensions if extension["url"] == TAGS)
    return resource["id"], source, target, resource.get("recorded", ""), boxes, tags


def _name(reference: dict[str, Any]) -> str:
    """The name within its dataset, which is all that fits a column."""
    name = str(reference.get("identifier", {}).get("value") or reference.get("reference", ""))
    return name.rpartition("/dicomStores/")[2]


def _count(extension: dict[str, Any], url: str) -> int:
    """How many extensions with this url are in here: a box has one `left`, a tag finding one `tag-id`, in either shape."""
    children = extension.get("extension", ())
    return sum(child["url"] == url for child in children) + sum(_count(child, url) for child in children)


def _pages(fetch: Callable[[list[tuple[str, str]]], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    more: list[tuple[str, str]] = []
    while True:
        page = fetch(more)
        yield page
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            return
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(following[0]).query)["_page_token"][0]
        more = [("_page_token", token), ("_total", "none")]  # the first page has counted
