# Sourced by the other scripts: .venv with the runtime lock, and Tesseract. Works on a bare Debian or Ubuntu.
# Plain sh. Sets PYTHON to the venv's interpreter; say "install FILE..." to add locks of test tools.

SETUPTOOLS_VERSION=84.2.1
DETECTOR_WHEEL=rapidocr==3.10.0 # only its weights are used, by --text_search strict (transforms/pixels/learned.py)
UV_VERSION=0.13.8 # installs the lock in seconds where pip takes minutes; pip is the fallback

unset PYTHONDONTWRITEBYTECODE # tests and runs are many processes: each would compile anew all that it imports

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

# apt_install WHY PACKAGE...: by apt-get where root or sudo allows it, else one sentence and exit 1.
apt_install() {
  why=$1
  shift
  if command -v apt-get >/dev/null && as_root env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' sh "$@" >/dev/null; then
    return 0
  fi
  echo "$why is missing: install it with: apt-get install $*" >&2
  exit 1
}

find_python() {
  for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "Python 3.11, 3.12 or 3.13 is missing: install one of them." >&2
  exit 1
}

make_venv() {
  base=$(find_python) || exit 1
  if ! "$base" -c 'import ensurepip' 2>/dev/null; then
    version=$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    apt_install "Python's venv module" "python$version-venv"
  fi
  [ -x .venv/bin/python ] || "$base" -m venv .venv
  PYTHON=$PWD/.venv/bin/python
}

# install FILE...: requirement files into the venv, unless just these were installed before.
install() {
  wanted=$({ cat "$@" requirements.in setup.py && echo "$DETECTOR_WHEEL"; } | cksum)
  [ "$(cat .venv/installed 2>/dev/null)" = "$wanted" ] && return
  flags=$(for file in "$@"; do printf -- '-r %s ' "$file"; done)
  # shellcheck disable=SC2086 # the flags are words
  {
    "$PYTHON" -m pip install -q --disable-pip-version-check "uv==$UV_VERSION" && "$PYTHON" -m uv pip install -q --python "$PYTHON" $flags
  } || "$PYTHON" -m pip install -q --disable-pip-version-check $flags
  "$PYTHON" -m pip install -q --disable-pip-version-check "setuptools==$SETUPTOOLS_VERSION"
  "$PYTHON" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
  "$PYTHON" -m pip install -q --disable-pip-version-check --no-deps --upgrade --target .venv/share/dicom-deid "$DETECTOR_WHEEL"
  echo "$wanted" >.venv/installed
}

need_tesseract() {
  command -v tesseract >/dev/null || apt_install "Tesseract (reads text in pixels)" tesseract-ocr
}
