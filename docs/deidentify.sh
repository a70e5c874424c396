#!/bin/sh
# The calls of the API's page, from :deidentify to the SQL, against `dicom-deid serve`:
#   docs/deidentify.sh http://127.0.0.1:8080 projects/p/locations/l/datasets/d SOURCE DESTINATION FHIR_STORE WORKSPACE
# SOURCE and DESTINATION are DICOM stores of the dataset that the server was started with. Needs curl and dicom-deid.
set -eu
api=$1/v1beta1 dataset=$2 source=$3 destination=$4 fhir=$5 workspace=$6
pages=$(cd "$(dirname "$0")/../tests/seed_page" && pwd)

post() { curl -sS --fail-with-body -X POST -H 'Content-Type: application/json' "$@"; }
name() { sed -n 's/.*"name": *"\([^"]*\)".*/\1/p' | head -n 1; }
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
            "operationMetadata": {"fhirOutput": {"fhirStore": "$dataset/fhirStores/$fhir"}}}}
BODY
)
echo "operation: $operation"
finished "$operation"

for parameter in relative-x lookup-source; do
  post -d @"$pages/search-parameter-$parameter.json" "$api/$dataset/fhirStores/$fhir/fhir/SearchParameter" >/dev/null
done
finished "$(post -d @"$pages/configure-search.json" "$api/$dataset/fhirStores/$fhir:configureSearch" | name)" >/dev/null
echo "of the source store:"
curl -sSf "$api/$dataset/fhirStores/$fhir/fhir/Provenance?lookup-source-instance:contains=dicomStores/$source/" | grep -o '"total": *[0-9]*'

echo "boxes:"
for _ in 1 2 3 4 5 6 7 8 9 10; do # the table is the last that a run makes
  dicom-deid query --workspace "$workspace" --sql_file "$pages/boxes.sql" --format csv && exit
  sleep 3
done
exit 1
