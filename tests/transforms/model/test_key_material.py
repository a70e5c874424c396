"""Keys that Google's services hold, asked for over the wire."""

import base64
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from transforms.model.config import parse_config
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.keys import KeyReference, Purpose, Secret
from transforms.model.resolve import resolve

MATERIAL = bytes(range(32))
FINGERPRINT = Secret(MATERIAL).fingerprint
VERSION = "projects/p/secrets/deid/versions/3"


@pytest.mark.parametrize("content", [MATERIAL, MATERIAL.hex().encode() + b"\n"])
@pytest.mark.parametrize("place", ["file", "env", "base64"])
def test_the_key_is_unwrapped_by_cloud_kms(key_services, tmp_path, monkeypatch, content, place):
    wrapped = key_services.wrap(content)
    (tmp_path / "wrapped").write_bytes(wrapped)
    monkeypatch.setenv("WRAPPED", base64.b64encode(wrapped).decode())
    where = {"file": f"file:{tmp_path}/wrapped", "env": "env:WRAPPED", "base64": f"base64:{base64.b64encode(wrapped).decode()}"}
    assert KeyReference(f"kms:{key_services.CRYPTO_KEY}#{where[place]}").load().fingerprint == FINGERPRINT


def test_the_key_is_a_version_of_a_secret(key_services):
    key_services.secrets[VERSION] = MATERIAL.hex().encode()
    assert KeyReference(f"secret:{VERSION}").load().fingerprint == FINGERPRINT


def test_a_process_asks_once_however_many_want_the_key(key_services):
    key_services.secrets[VERSION] = MATERIAL.hex().encode()
    wrapped = base64.b64encode(key_services.wrap(MATERIAL)).decode()
    for number, uri in enumerate((f"secret:{VERSION}", f"kms:{key_services.CRYPTO_KEY}#base64:{wrapped}"), 1):
        with ThreadPoolExecutor(8) as pool:
            made = pool.map(lambda uri: KeyReference(uri).load().fingerprint, [uri] * 8)
        assert set(made) == {FINGERPRINT}
        assert key_services.calls == number


def test_where_there_was_no_answer_it_is_asked_again(key_services):
    assert "does not give the key" in refused(f"secret:{VERSION}")
    key_services.secrets[VERSION] = MATERIAL.hex().encode()
    assert KeyReference(f"secret:{VERSION}").load().fingerprint == FINGERPRINT


def refused(uri):
    with pytest.raises(PreflightError) as error:
        KeyReference(uri).load()
    assert str(error.value).startswith("--key_uri")
    assert MATERIAL.hex() not in str(error.value)
    return str(error.value)


def test_what_the_services_refuse_is_one_sentence(key_services):
    key_services.secrets[VERSION] = b"short"
    wrapped = base64.b64encode(key_services.wrap(MATERIAL)).decode()
    assert "Secret Manager does not give the key (Forbidden)" in refused("secret:projects/p/secrets/other/versions/1")
    assert "not 64 hex digits" in refused(f"secret:{VERSION}")
    assert "Cloud KMS does not give the key (Forbidden)" in refused(f"kms:{key_services.CRYPTO_KEY}2#base64:{wrapped}")
    assert "Cloud KMS does not give the key (BadRequest)" in refused(f"kms:{key_services.CRYPTO_KEY}#base64:AAAA{wrapped}")
    assert "the wrapped key is not base64" in refused(f"kms:{key_services.CRYPTO_KEY}#base64:%")
    assert "cannot be read there" in refused(f"kms:{key_services.CRYPTO_KEY}#file:/nowhere")


def test_an_answer_that_was_damaged_is_no_key(key_services):
    key_services.damaged = True
    key_services.secrets[VERSION] = MATERIAL.hex().encode()
    wrapped = base64.b64encode(key_services.wrap(MATERIAL)).decode()
    assert "damaged" in refused(f"secret:{VERSION}")
    assert "damaged" in refused(f"kms:{key_services.CRYPTO_KEY}#base64:{wrapped}")


def test_no_key_is_asked_for_in_the_clear(key_services, monkeypatch):
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", "http://192.0.2.1/")
    wrapped = base64.b64encode(key_services.wrap(MATERIAL)).decode()
    assert "https" in refused(f"kms:{key_services.CRYPTO_KEY}#base64:{wrapped}")


def wrapped_config(key_services, material, **more):
    wrapped = {"wrappedKey": base64.urlsafe_b64encode(key_services.wrap(material)).decode(), "cryptoKey": key_services.CRYPTO_KEY}
    return parse_config(json.dumps({"text": {"additionalTransformations": [{"cryptoHashConfig": {"kmsWrapped": wrapped, **more}}]}}))


@pytest.mark.parametrize("length", [16, 24, 32])
def test_a_configs_wrapped_key_is_the_same_as_the_raw_one(key_services, length):
    raw = base64.b64encode(MATERIAL[:length]).decode()
    keyed = parse_config(json.dumps({"text": {"additionalTransformations": [{"cryptoHashConfig": {"cryptoKey": raw}}]}}))
    config = wrapped_config(key_services, MATERIAL[:length])
    plan = resolve(config)  # as for a remote runner
    made = plan.text.default.key.purpose_key(Purpose.HASH)
    (key,) = (made_of.crypto_hash_config.crypto_key for made_of in keyed.text.additional_transformations)
    assert bytes.fromhex(key.file_content().decode()) == MATERIAL[:length]
    assert made.digest(b"x") == raw_key(key).digest(b"x")
    for material in (MATERIAL[:length], MATERIAL[:length].hex().encode(), raw.encode()):
        assert material not in pickle.dumps(plan) + config.to_json().encode()


def raw_key(key, env="RAW_KEY_OF_A_CONFIG"):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(env, key.file_content().decode())
        return KeyReference(f"env:{env}").purpose_key(Purpose.HASH)


def test_what_unwraps_to_no_aes_key_is_refused(key_services):
    plan = resolve(wrapped_config(key_services, MATERIAL[:5]))
    with pytest.raises(PreflightError, match=r"config\.text .*no key of 128, 192 or 256 bits"):
        plan.text.default.key.purpose_key(Purpose.HASH)


def test_raw_and_wrapped_exclude_each_other(key_services):
    with pytest.raises(ConfigError, match=r"0\.cryptoHashConfig: cryptoKey and kmsWrapped exclude each other"):
        resolve(wrapped_config(key_services, MATERIAL, cryptoKey=base64.b64encode(MATERIAL).decode()))
