"""One secret, one key a purpose, and nothing of it anywhere else."""

import copy
import hashlib
import hmac
import pickle
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.model.errors import PreflightError
from transforms.model.keys import KeyReference, Purpose, PurposeKey, Secret, make_key_file

MATERIAL = bytes(range(32))


def test_a_purpose_key_is_hkdf_with_its_label():
    extracted = hmac.digest(b"\0" * 32, MATERIAL, "sha256")  # RFC 5869 without salt, one block
    expected = hmac.digest(extracted, b"dicom-deid/uid\x01", "sha256")
    assert Secret(MATERIAL).purpose(Purpose.UID).digest(b"x") == hmac.digest(expected, b"x", "sha256")


def test_no_two_purposes_agree():
    assert len({Secret(MATERIAL).purpose(purpose).digest(b"x") for purpose in Purpose}) == len(Purpose)


@given(st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_parts_are_kept_apart(one, two):
    key = PurposeKey(MATERIAL)
    assert (key.hex(*one, digits=64) == key.hex(*two, digits=64)) == (one == two)


def test_names_that_are_not_utf8_have_a_hash_of_their_own():
    key = PurposeKey(MATERIAL)
    assert key.hex("a\udcfc") != key.hex("a\udcfd")


@given(st.binary(), st.integers(1, 10**6))
def test_integers_stay_below(data, below):
    assert 0 <= PurposeKey(MATERIAL).integer(data, below) < below


@pytest.mark.parametrize("secret", [Secret(MATERIAL), PurposeKey(MATERIAL)])
def test_material_is_neither_pickled_nor_shown(secret):
    for serialise in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="never serialised"):
            serialise(secret)
    assert MATERIAL.hex() not in repr(secret)
    assert str(MATERIAL)[2:-1] not in repr(secret)


def test_a_reference_is_loaded_from_a_file_or_the_environment(tmp_path, monkeypatch):
    (tmp_path / "key").write_text(f"  {MATERIAL.hex().upper()}\n")
    monkeypatch.setenv("DEID_KEY", MATERIAL.hex())
    from_file, from_env = KeyReference(f"file:{tmp_path}/key").load(), KeyReference("env:DEID_KEY").load()
    assert from_file.fingerprint == from_env.fingerprint == hashlib.sha256(b"dicom-deid/fingerprint" + MATERIAL).hexdigest()[:8]
    assert pickle.loads(pickle.dumps(KeyReference("env:DEID_KEY"))) == KeyReference("env:DEID_KEY")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not 64 hex digits"),
        (b"6b" * 31, "not 64 hex digits"),
        (b"6b" * 33, "not 64 hex digits"),
        (b"\xff" * 64, "not 64 hex digits"),
    ],
)
def test_a_bad_key_file_is_named_and_its_content_is_not(tmp_path, content, why):
    path = tmp_path / "bad.key"
    path.write_bytes(content)
    with pytest.raises(PreflightError, match=why) as refused:
        KeyReference(f"file:{path}").load()
    assert "bad.key" in str(refused.value)
    assert content.decode("latin-1")[:8] not in str(refused.value) or not content


@pytest.mark.parametrize(
    "uri", ["file:", "file:/nowhere/key", "env:", "env:NOT_SET_ANYWHERE", "gs://B", "secret:s", "kms:k#env:X", "6b" * 32, ""]
)
def test_other_references_are_refused(uri):
    with pytest.raises(PreflightError, match="--key_uri"):
        KeyReference(uri).load()


def test_a_key_file_is_made_once_and_closed(tmp_path):
    path = tmp_path / "deid.key"
    make_key_file(path)
    first = path.read_bytes()
    make_key_file(path)
    assert path.read_bytes() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyReference(f"file:{path}").load().fingerprint


@pytest.mark.parametrize("shown_as", ["{}", "env:{}", "hex:{}", "file:{}"])
def test_a_key_given_for_its_name_is_not_shown(shown_as):
    with pytest.raises(PreflightError) as caught:
        KeyReference(shown_as.format(MATERIAL.hex())).load()
    assert MATERIAL.hex() not in str(caught.value)
