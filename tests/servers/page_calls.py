"""Each call of the source page, and what the guide says beside it, put to a FHIR server: the table of docs/fhir-servers.md.

`python tests/servers/page_calls.py` starts all three servers and writes the table anew; a test holds it to what they answer.
"""

import contextlib
import copy
import json
import sys
import tempfile
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "fhir-servers.md"
PAGE = ROOT / "tests" / "seed_page"
MARK = "<!-- answers -->"
"""The table stands in the guide after this line, to its end."""
NUMBER, STRING = "relative-x-coordinate-bottom-left", "lookup-source-instance"


class Store:
    """One server at its FHIR base; `store` is where a Healthcare API store takes `:configureSearch`."""

    def __init__(self, base):
        self.base, self.session = base, requests.Session()
        self.store = base.removesuffix("/fhir") if "/fhirStores/" in base else base

    def ask(self, method, path, body=None, **headers):
        url = path if path.startswith("http") else f"{self.base}/{path}".rstrip("/")
        headers = {"Content-Type": "application/fhir+json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(method, url, data=None if body is None else json.dumps(body), headers=headers, timeout=120)

    def search(self, query, study):
        """Status and the last number of each source of that study, all pages."""
        answer = self.ask("GET", query)
        if answer.status_code != 200:
            return said(answer)
        found, page = [], answer.json()
        while page:
            found += [entry["resource"] for entry in page.get("entry", [])]
            following = next((link["url"] for link in page.get("link", []) if link["relation"] == "next"), None)
            page = self.ask("GET", following).json() if following else None
        names = [resource["entity"][0]["what"]["identifier"]["value"] for resource in found if resource["resourceType"] == "Provenance"]
        instances = sorted(name.rpartition("/")[2] for name in names if f"studies/{study}/" in name)
        return f"200: {'instance ' + ', '.join(instances) if instances else 'nothing'}"


def said(answer):
    """Status and issue code."""
    try:
        issues = answer.json().get("issue", [])
    except ValueError:
        issues = []
    return f"{answer.status_code} {issues[0]['code']}" if issues and answer.status_code >= 400 else str(answer.status_code)


def bundle_said(answer):
    """The same, and the status of each entry."""
    if answer.status_code >= 400:
        return said(answer)
    return f"200: {', '.join(entry['response']['status'][:3] for entry in answer.json()['entry'])}"


def page_file(name):
    return json.loads((PAGE / f"{name}.json").read_text())


def in_r4_shape(bundle):
    """The page's bundle with the value of each mixed extension as its first child, of another study and operation."""
    text = json.dumps(bundle).replace("studies/1/series/2", "studies/5/series/6").replace("operation-123", "operation-r4")

    def strict(extension):
        children = [strict(child) for child in extension.get("extension", [])]
        if children and "valueDecimal" in extension:
            children.insert(0, {"url": "index", "valueDecimal": extension.pop("valueDecimal")})
        if children and "valueString" in extension:
            children.insert(0, {"url": "tag", "valueString": extension.pop("valueString")})
        return {**extension, "extension": children} if children else extension

    strictly = json.loads(text)
    for entry in strictly["entry"]:
        for entity in entry["resource"]["entity"]:
            if "extension" in entity:
                entity["extension"] = [strict(extension) for extension in entity["extension"]]
    return strictly


def forget_page_parameters(store):
    """Take back the page's SearchParameters, which it gives no ids of its own."""
    for resource in (entry["resource"] for entry in store.ask("GET", "SearchParameter?_count=100").json().get("entry", [])):
        if resource.get("url") in (NUMBER, STRING) and resource["id"] != resource["url"]:
            store.ask("DELETE", f"SearchParameter/{resource['id']}")


def configure(store, *urls):
    answer = store.ask("POST", f"{store.store}:configureSearch", {"canonicalUrls": urls})
    if answer.status_code == 200:
        operation = answer.json()
        while not operation.get("done"):
            operation = store.ask("GET", f"{store.base.split('/projects/')[0]}/{operation['name']}").json()
    return said(answer)


def as_written(store):
    """The page's calls, in its order."""
    for code, name in ((STRING, "lookup-source"), (NUMBER, "relative-x")):
        posted = store.ask("POST", "SearchParameter", page_file(f"search-parameter-{name}"))
        yield f"`POST SearchParameter`: the page's `{code}`", said(posted)
    yield "`POST STORE:configureSearch`", configure(store, NUMBER, STRING)
    yield "`POST` the page's transaction bundle (shape `google`)", bundle_said(store.ask("POST", "", page_file("sample-bundle")))
    yield "`GET Provenance/operation-123`", said(store.ask("GET", "Provenance/operation-123"))
    yield "`GET Provenance`", store.search("Provenance", 1)
    yield f"`GET Provenance?{NUMBER}=le0.05`", store.search(f"Provenance?{NUMBER}=le0.05", 1)
    query = f"Provenance?{STRING}:contains=studies/1/series/2/instances/4"
    yield f"`GET {query}`", store.search(query, 1)


def in_portable_form(store):
    """The same with the `r4` shape and our own SearchParameters."""
    codes = ("deid-relative-bottom", "deid-tag")
    ours = [json.loads((ROOT / "transforms" / "fhir" / "data" / f"{code}.json").read_text()) for code in codes]
    put = [said(store.ask("PUT", f"SearchParameter/{one['code']}", {**one, "id": one["code"]})) for one in ours]
    configure(store, NUMBER, STRING, *(one["url"] for one in ours))
    yield "`PUT SearchParameter/deid-relative-bottom`, `deid-tag` (`search --install`)", ", ".join(put)
    yield "`POST` the same bundle, shape `r4`", bundle_said(store.ask("POST", "", in_r4_shape(page_file("sample-bundle"))))
    yield "`GET Provenance/operation-r4`", said(store.ask("GET", "Provenance/operation-r4"))
    for query in (
        f"{NUMBER}=le0.05",
        f"{STRING}:contains=studies/5/series/6/instances/4",
        "deid-relative-bottom=le0.06",
        "deid-relative-bottom=gt0.4",
        "deid-relative-bottom=gt0.5",
        "deid-tag=00102150",
    ):
        notes = {
            f"{NUMBER}=le0.05": "after it",
            "deid-relative-bottom=gt0.4": "second box of its frame",
            "deid-relative-bottom=gt0.5": "no box",
        }
        note = f" ({notes[query]})" if query in notes else ""
        yield f"`GET Provenance?{query}`{note}", store.search(f"Provenance?{query}", 5)


def written_and_refused(store):
    """What a writer that repeats itself has to know."""
    good = next(entry["resource"] for entry in in_r4_shape(page_file("sample-bundle"))["entry"])

    def named(identity, **changes):
        return {**copy.deepcopy(good), "id": identity, **changes}

    def entry(resource):
        return {"request": {"method": "PUT", "url": f"Provenance/{resource['id']}"}, "resource": resource}

    def put(resource, **headers):
        return store.ask("PUT", f"Provenance/{resource['id']}", resource, **headers)

    first, again = put(named("new-1")), put(named("new-1"))
    yield "`PUT Provenance/new-1`: an id of our own", said(first)
    same = first.json()["meta"]["versionId"] == again.json()["meta"]["versionId"]
    yield "the same again", f"{said(again)}, {'same' if same else 'new'} version"
    yield '`PUT` with `If-Match: W/"7"`', said(put(named("new-1", recorded="2011-01-01T00:00:00Z"), If_Match='W/"7"'))
    yield "`PUT` under an id of 32 digits", said(put(named("1" * 32)))
    yield "`PUT` without `recorded`", said(put({key: value for key, value in named("new-2").items() if key != "recorded"}))
    bad = named("new-4", recorded="yesterday")
    for kind, first in (("batch", "new-3"), ("transaction", "new-5")):
        answer = store.ask("POST", "", {"resourceType": "Bundle", "type": kind, "entry": [entry(named(first)), entry(bad)]})
        kept = "kept" if store.ask("GET", f"Provenance/{first}").status_code == 200 else "not kept"
        yield f"{kind} of a good entry and one `recorded` “yesterday”", f"{bundle_said(answer)}; the good one {kept}"
    yield "`GET Provenance?nonsense=1`", store.search("Provenance?nonsense=1", 5)
    statement = store.ask("GET", "metadata").json()
    yield "`GET metadata`", "CapabilityStatement" if statement["resourceType"] == "CapabilityStatement" else "none"


def answers(base):
    """Call → answer, of a server that has seen none of these calls before."""
    store = Store(base)
    forget_page_parameters(store)
    try:
        return {call: answer for part in (as_written, in_portable_form, written_and_refused) for call, answer in part(store)}
    finally:
        forget_page_parameters(store)


def table(columns):
    """Markdown of the answers by server name."""
    head = ["call", *columns]
    rows = [[call, *(column[call] for column in columns.values())] for call in next(iter(columns.values()))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def written():
    """The table as it stands in the guide."""
    return GUIDE.read_text().partition(f"{MARK}\n")[2]


EMBEDDED, HAPI, MEDPLUM = "embedded store", "HAPI FHIR JPA 8.8.0", "Medplum router 5.2.13"


def main():
    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
    import fhir_servers  # noqa: PLC0415 - they are found only from here on

    from pipeline.local.store_process import running_store  # noqa: PLC0415
    from transforms.model.names import LOCAL_FHIR_STORE  # noqa: PLC0415
    from transforms.model.workspace import Workspace  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        places = [Path(name, part) for part in ("hapi", "medplum", "workspace")]
        for place in places:
            place.mkdir(mode=0o700)
        hapi = stack.enter_context(fhir_servers.running(fhir_servers.hapi, places[0]))
        medplum = stack.enter_context(fhir_servers.running(fhir_servers.medplum, places[1]))
        embedded = stack.enter_context(running_store(Workspace(str(places[2]))))
        bases = {EMBEDDED: f"{embedded}/v1beta1/{LOCAL_FHIR_STORE}/fhir", HAPI: hapi.url, MEDPLUM: medplum.url}
        found = table({server: answers(base) for server, base in bases.items()})
        for server in (hapi, medplum):
            print(f"{server.url}: answered after {server.started_in:.0f} s, {server.memory / 1e6:.0f} MB", file=sys.stderr)
    GUIDE.write_text(GUIDE.read_text().partition(MARK)[0] + f"{MARK}\n" + found)


if __name__ == "__main__":
    main()
