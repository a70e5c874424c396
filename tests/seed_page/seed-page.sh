#!/bin/bash
# The source page's calls, by plain curl, against a FHIR store:
#   tests/seed_page/seed-page.sh http://127.0.0.1:PORT/v1beta1/projects/test-project/locations/us-central1/datasets/test-dataset/fhirStores/test-fhir-store
# The store must be empty. Prints one line per call and ends 0 only if every answer is the page's.
set -u
S=$1; D=$(cd "$(dirname "$0")" && pwd); H='Content-Type: application/fhir+json'; bad=0
want() { local name=$1 got=$2 due=$3; if [ "$got" = "$due" ]; then echo "ok    $name"; else echo "WRONG $name: got $got, due $due"; bad=1; fi; }
field() { python3 -c 'import json,sys
d=json.load(sys.stdin)
print(eval(sys.argv[1],{"d":d}))' "$1" 2>/dev/null || echo "no JSON"; }
want "transaction bundle" "$(curl -s -X POST -H "$H" -d @"$D/sample-bundle.json" "$S/fhir" | field '(d["type"], len(d["entry"]))')" "('transaction-response', 3)"
want "client id kept" "$(curl -s "$S/fhir/Provenance/operation-123" | field 'd["id"]')" operation-123
for p in relative-x lookup-source; do
  want "SearchParameter $p" "$(curl -s -o /dev/null -w '%{http_code}' -X POST -H "$H" -d @"$D/search-parameter-$p.json" "$S/fhir/SearchParameter")" 201
done
op=$(curl -s -X POST -H "$H" -d @"$D/configure-search.json" "$S:configureSearch" | field 'd["name"]')
base=${S%%/projects/*}
for i in $(seq 60); do done_=$(curl -s "$base/$op" | field 'd.get("done", False)'); [ "$done_" = True ] && break; sleep 1; done
want "configureSearch operation" "$done_" True
want "relative-x le0.05" "$(curl -s "$S/fhir/Provenance?relative-x-coordinate-bottom-left=le0.05" | field '(d["total"], d["entry"][0]["resource"]["entity"][0]["what"]["identifier"]["value"][-1])')" "(1, '3')"
want "links" "$(curl -s "$S/fhir/Provenance?relative-x-coordinate-bottom-left=le0.05" | field 'sorted(l["relation"] for l in d["link"])')" "['first', 'search', 'self']"
want "lookup-source :contains" "$(curl -s "$S/fhir/Provenance?lookup-source-instance:contains=studies/1/series/2/instances/4" | field '(d["total"], d["entry"][0]["resource"]["entity"][0]["what"]["identifier"]["value"][-1])')" "(1, '4')"
want "all Provenance" "$(curl -s "$S/fhir/Provenance" | field 'd["total"]')" 3
exit $bad
