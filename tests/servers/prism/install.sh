#!/bin/sh
# Builds Beam's Prism runner with Go 1.24 or newer into .venv/servers/prism, for tests/servers/test_engines.py. It is apart
# from the other servers since it takes some three minutes of CPU, once.
set -eu
cd "$(dirname "$0")/../../.."
version=v$(sed -n 's/^apache-beam==//p' requirements.txt)
into=$PWD/.venv/servers/prism
mkdir -p "$into"
GOBIN="$into" go install "github.com/apache/beam/sdks/v2/go/cmd/prism@$version"
echo "$version" >"$into/installed"
