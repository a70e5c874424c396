#!/bin/sh
# The calls of the API's page, from :deidentify to the SQL, against `dicom-deid serve`:
#   docs/deidentify.sh http://127.0.0.1:8080 projects/p/locations/l/datasets/d SOURCE DESTINATION FHIR_STORE WORKSPACE
# SOURCE and DESTINATION are DICOM stores of the dataset that the server was started with. Needs curl and dicom-deid.
# The page's sample resources, three Provenance of a made-up operation 123, are put into the FHIR store and stay there.
set -eu
api=$1/v1beta1 dataset=$2 source=$3 destination=$4 fhir=$1/v1beta1/$2/fhirStores/$5 workspace=$6
pages=$(cd "$(dirname "$0")/../tests/seed_page" && pwd)

post() { curl -sS --fail-with-body -X POST -H "Content-Type: application/${kind:-json}" "$@"; }
name() { sed -n 's/.*"name": *"\([^"]*\)".*/\1/p' | head -n 1; }
found() { curl -sSf "$fhir/fhir/Provenance$1" | grep -o '"total": *[0-9]*'; }
finished() { # waits an hour at most for an operation; prints it, and ends the script if it failed
  tries=3600
  until said=$(curl -sSf "$api/$1") && echo "$said" | grep -q '"done": *true'; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "not done within an hour: $1" >&2 && exit 1; }
    sleep 1
  done
  if echo "$said" | grep -q '"error": *{'; then echo "failed: $said" >&2 && exit 1; fi
  echo "$said"
}

operation=$(post -d @- "$api/$dataset/dicomStores/$source:deidentify" <<BODY | name
{"destinationStore": "$dataset/dicomStores/$destination",
 "config": {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "image": {"textRedactionMode": "REDACT_ALL_TEXT"},
            "operationMetadata": {"fhirOutput": {"fhirStore": "$dataset/fhirStores/$5"}}}}
BODY
)
echo "operation: $operation"
finished "$operation"
echo "all Provenance:"
found ""

echo "the sample resources:"
kind=fhir+json post -d @"$pages/sample-bundle.json" "$fhir/fhir" | grep -o '"status": *"[0-9]*'
for parameter in relative-x lookup-source; do
  kind=fhir+json post -d @"$pages/search-parameter-$parameter.json" "$fhir/fhir/SearchParameter" >/dev/null
done
finished "$(post -d @"$pages/configure-search.json" "$fhir:configureSearch" | name)" >/dev/null
echo "boxes at the left edge:"
found "?relative-x-coordinate-bottom-left=le0.05"
echo "of one instance:"
found "?lookup-source-instance:contains=studies/1/series/2/instances/4"
echo "of the source store:"
found "?lookup-source-instance:contains=dicomStores/$source/"

told=$(mktemp) && trap 'rm -f "$told"' EXIT
echo "SELECT state FROM \`p.d.Operations\` WHERE name = '$operation'" >"$told"
tries=60
until dicom-deid query --workspace "$workspace" --sql_file "$told" --format csv 2>/dev/null | grep -q DONE; do
  tries=$((tries - 1)) # the table is the last that a run makes
  [ "$tries" -gt 0 ] || { echo "the table does not have the operation" >&2 && exit 1; }
  sleep 3
done
echo "boxes:"
dicom-deid query --workspace "$workspace" --sql_file "$pages/boxes.sql" --format csv
