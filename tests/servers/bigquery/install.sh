#!/bin/sh
# Builds goccy's BigQuery emulator with Go 1.25 or newer into .venv/servers/bigquery, for tests/servers/test_bigquery.py. It is
# apart from the other servers since it takes some ten minutes of CPU, once: GoogleSQL itself is compiled, as Go.
set -eu
cd "$(dirname "$0")"
into=$PWD/../../../.venv/servers/bigquery
mkdir -p "$into"
CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o "$into/bigquery-emulator" github.com/goccy/bigquery-emulator/cmd/bigquery-emulator
cat go.mod go.sum | cksum >"$into/installed"
