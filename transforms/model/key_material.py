"""Where key material may be: a file, the environment, Cloud Storage, Secret Manager, or wrapped by a key of Cloud KMS.

    file:PATH   env:NAME   gs://BUCKET/OBJECT   secret:projects/P/secrets/S/versions/V
    kms:projects/P/locations/L/keyRings/R/cryptoKeys/K#WRAPPED, where WRAPPED is file:, env:, gs:// or base64:

Sources: Cloud KMS API v1, `cryptoKeys.decrypt`; Secret Manager API v1, `secrets.versions.access`.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from transforms.model import gcs
from transforms.model.endpoints import rest_endpoint
from transforms.model.errors import ConfigError, PreflightError

FORMS = "file:PATH, env:NAME, gs://BUCKET/OBJECT, secret:VERSION and kms:CRYPTO_KEY#WRAPPED"
CRYPTO_KEY = re.compile(r"projects/[^/#]+/locations/[^/#]+/keyRings/[^/#]+/cryptoKeys/[^/#]+")
_VERSION = re.compile(r"projects/[^/]+/secrets/[^/]+/versions/[^/]+")
_SECONDS = 60.0
_ASKED_FOR = frozenset({"gs", "kms", "secret"})
_ASKING = threading.Lock()


def is_wrapped(uri: str) -> bool:
    """Whether the reference is to a key that Cloud KMS unwraps, which may be any bytes; the others are text."""
    return uri.startswith("kms:")


def read_material(uri: str, at: str) -> bytes:
    """What is there. Raises PreflightError for the option or field `at`; it never shows what was read.

    Google's services are asked once in a process: each stage of a run wants the key, and each question is paid for and logged there.
    """
    if uri.partition(":")[0] not in _ASKED_FOR:
        return _read(uri, at)
    with _ASKING:
        return _read_once(uri, at)


@functools.cache
def _read_once(uri: str, at: str) -> bytes:
    return _read(uri, at)


def _read(uri: str, at: str) -> bytes:
    scheme, _, rest = uri.partition(":")
    if scheme == "secret" and _VERSION.fullmatch(rest):
        return _secret(rest, at)
    if scheme == "kms":
        name, _, wrapped = rest.partition("#")
        if CRYPTO_KEY.fullmatch(name) and wrapped.partition(":")[0] in ("file", "env", "gs", "base64"):
            return _unwrapped(name, _wrapped(wrapped, at), at)
    found = _plain(scheme, rest, uri, at)
    if found is None:
        raise PreflightError(at, f"only {FORMS} are understood", "name the key in one of these forms", shown(uri))
    return found


def shown(uri: str) -> str:
    """A reference for a message; nothing where the key itself may have been given in place of its name."""
    name = uri.partition("#")[0]
    return "" if re.search(r"[0-9a-fA-F]{32}", name) else name


def _plain(scheme: str, rest: str, uri: str, at: str) -> bytes | None:
    """The content of file:, env: or gs://; None where the reference is in none of these forms."""
    try:
        if scheme == "file" and rest:
            return Path(rest).read_bytes()
        if scheme == "env" and rest:
            return os.environ.get(rest, "").encode(errors="surrogateescape")
        if scheme == "gs" and rest.startswith("//"):
            gcs.split(uri, at)
            return gcs.read(uri)
    except ConfigError as error:
        raise PreflightError(at, error.why, error.mend, shown(uri)) from None
    except OSError:
        raise PreflightError(at, "the key cannot be read there", "check its place and permissions", shown(uri)) from None
    return None


def _wrapped(reference: str, at: str) -> bytes:
    """A wrapped key: as it is in a file or object, base64 elsewhere."""
    scheme, _, rest = reference.partition(":")
    found = rest.encode() if scheme == "base64" else _plain(scheme, rest, reference, at) or b""
    if scheme not in ("base64", "env"):
        return found
    try:
        return base64.b64decode(found.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise PreflightError(at, "the wrapped key is not base64", "give what gcloud kms encrypt made, as base64") from None


def _unwrapped(name: str, wrapped: bytes, at: str) -> bytes:
    """Both ways are guarded by a checksum, as the service advises."""
    import google_crc32c  # noqa: PLC0415 - those of Google take seconds to import, and only those who use them wait
    from google.cloud import kms_v1  # noqa: PLC0415
    from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceRestTransport  # noqa: PLC0415

    with _asked("Cloud KMS", "cloudkms.cryptoKeyVersions.useToDecrypt", at):
        transport = KeyManagementServiceRestTransport(**rest_endpoint("CLOUDKMS", "cloudkms.googleapis.com", at))
        client = kms_v1.KeyManagementServiceClient(transport=transport)
        request = {"name": name, "ciphertext": wrapped, "ciphertext_crc32c": google_crc32c.value(wrapped)}
        answer = client.decrypt(request=request, timeout=_SECONDS)
        material = bytes(answer.plaintext)
    if google_crc32c.value(material) != answer.plaintext_crc32c:
        raise PreflightError(at, "the answer of Cloud KMS was damaged on its way", "start again")
    return material


def _secret(version: str, at: str) -> bytes:
    import google_crc32c  # noqa: PLC0415
    from google.cloud import secretmanager_v1  # noqa: PLC0415
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport  # noqa: PLC0415

    with _asked("Secret Manager", "secretmanager.versions.access", at):
        transport = SecretManagerServiceRestTransport(**rest_endpoint("SECRETMANAGER", "secretmanager.googleapis.com", at))
        client = secretmanager_v1.SecretManagerServiceClient(transport=transport)
        payload = client.access_secret_version(name=version, timeout=_SECONDS).payload
        material = bytes(payload.data)
    if google_crc32c.value(material) != payload.data_crc32c:
        raise PreflightError(at, "the answer of Secret Manager was damaged on its way", "start again")
    return material


@contextlib.contextmanager
def _asked(service: str, permission: str, at: str) -> Iterator[None]:
    """What the library raises, as one sentence."""
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, RequestException) as error:
        why = f"{service} does not give the key ({type(error).__name__})"
        raise PreflightError(at, why, f"check its name, and that you hold {permission}") from None
