import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from dg_bot.simulator.refusals import VenueRefusal
from dg_bot.simulator.rest_auth import Authenticator

SECRET = "s" * 64
HASHES: Mapping[str, Any] = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _token(payload: Mapping[str, object], *, secret: str = SECRET, algorithm: str = "HS256") -> str:
    signed = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(payload)}"
    digest = hmac.new(secret.encode(), signed.encode(), HASHES.get(algorithm, hashlib.sha256)).digest()
    return f"Bearer {signed}." + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _payload(text: str = "", **changes: object) -> dict[str, object]:
    payload: dict[str, object] = {"access_key": "key", "nonce": str(uuid.uuid4())}
    if text:
        payload |= {"query_hash": hashlib.sha512(text.encode()).hexdigest(), "query_hash_alg": "SHA512"}
    return payload | changes


def _keyed() -> Authenticator:
    return Authenticator(access_key="key", secret_key=SECRET)


def _refusal(authenticator: Authenticator, authorization: str | None, text: str = "") -> tuple[int, str | int]:
    with pytest.raises(VenueRefusal) as caught:
        authenticator.check(authorization, text)
    return caught.value.status, caught.value.name


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_request_signed_with_the_key_is_admitted(algorithm: str) -> None:
    token = _token(_payload("market=KRW-BTC"), algorithm=algorithm)

    assert _keyed().check(token, "market=KRW-BTC") == "key"


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic abc"])
def test_a_request_without_a_token_is_told_so(authorization: str | None) -> None:
    assert _refusal(_keyed(), authorization) == (401, "no_authorization_token")


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "....", "é.é.é", f"{_part(1)}.{_part(2)}.x"])
def test_what_is_no_token_is_refused(token: str) -> None:
    assert _refusal(_keyed(), f"Bearer {token}") == (401, "jwt_verification")


@pytest.mark.parametrize("algorithm", ["none", "RS256", "hs256"])
def test_other_algorithms_are_refused(algorithm: str) -> None:
    assert _refusal(_keyed(), _token(_payload(), algorithm=algorithm)) == (401, "jwt_verification")


def test_a_signature_by_another_secret_is_refused() -> None:
    assert _refusal(_keyed(), _token(_payload(), secret="t" * 64)) == (401, "jwt_verification")


@pytest.mark.parametrize("key", ["other", "", None, 7])
def test_another_access_key_is_refused(key: object) -> None:
    assert _refusal(_keyed(), _token(_payload(access_key=key))) == (401, "invalid_access_key")


def test_a_nonce_counts_once() -> None:
    authenticator, token = _keyed(), _token(_payload())
    authenticator.check(token, "")

    assert _refusal(authenticator, token) == (401, "nonce_used")


def test_a_nonce_in_another_spelling_is_the_same_nonce() -> None:
    authenticator, nonce = _keyed(), uuid.uuid4()
    authenticator.check(_token(_payload(nonce=str(nonce))), "")

    assert _refusal(authenticator, _token(_payload(nonce=nonce.hex.upper()))) == (401, "nonce_used")


@pytest.mark.parametrize("nonce", [None, "1", 1, "not-a-uuid"])
def test_a_nonce_must_be_a_uuid(nonce: object) -> None:
    assert _refusal(_keyed(), _token(_payload(nonce=nonce))) == (401, "invalid_query_payload")


def test_a_refused_request_does_not_use_up_its_nonce() -> None:
    authenticator, payload = _keyed(), _payload()
    _refusal(authenticator, _token(payload, secret="t" * 64))

    assert authenticator.check(_token(payload), "") == "key"


@pytest.mark.parametrize(
    "changes",
    [{"query_hash": None}, {"query_hash": "0"}, {"query_hash_alg": "SHA256"}, {"query_hash": hashlib.sha512(b"").hexdigest()}],
)
def test_the_hash_must_be_of_what_was_asked(changes: dict[str, object]) -> None:
    token = _token(_payload("market=KRW-BTC", **changes))

    assert _refusal(_keyed(), token, "market=KRW-BTC") == (401, "invalid_query_payload")


def test_a_hash_of_something_is_wrong_where_nothing_was_asked() -> None:
    assert _refusal(_keyed(), _token(_payload("market=KRW-BTC"))) == (401, "invalid_query_payload")


def test_without_keys_any_key_passes_but_nonce_and_hash_are_checked() -> None:
    authenticator = Authenticator(access_key=None, secret_key=None)
    token = _token(_payload("a=1", access_key="whoever"), secret="anything")

    assert authenticator.check(token, "a=1") == "whoever"
    assert _refusal(authenticator, token, "a=1") == (401, "nonce_used")
    assert _refusal(authenticator, _token(_payload("a=1")), "a=2") == (401, "invalid_query_payload")
