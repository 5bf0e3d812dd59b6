"""The venue's check of a signed request: token, key, signature, nonce, and the hash of what was asked."""

import base64
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Mapping
from typing import Final

from dg_bot.simulator.refusals import VenueRefusal

_HASHES: Final = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


class Authenticator:
    """Admits requests that a key signed; without keys any access key is taken and the signature is not looked at.

    The nonce must be a UUID that never came before, and the query hash must fit, with or without keys.
    """

    def __init__(self, *, access_key: str | None, secret_key: str | None) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._nonces: set[str] = set()
        self._lock = threading.Lock()

    def check(self, authorization: str | None, signed_text: str) -> str:
        """Give the access key of a request whose parameters read `signed_text` (`k=v&...`, unquoted, may be empty).

        Raises VenueRefusal (401) naming the first thing that is wrong.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise VenueRefusal(401, "no_authorization_token", "잘못된 API 요청입니다.")
        algorithm, payload = _decoded(token)
        access_key = payload.get("access_key")
        if not isinstance(access_key, str) or not access_key or self._access_key not in (None, access_key):
            raise VenueRefusal(401, "invalid_access_key", "잘못된 엑세스 키입니다.")
        if self._secret_key is not None and not _is_signed(token, self._secret_key, algorithm):
            raise VenueRefusal(401, "jwt_verification", "Jwt 토큰 검증에 실패했습니다.")
        _check_query_hash(payload, signed_text)
        self._burn_nonce(payload.get("nonce"))
        return access_key

    def _burn_nonce(self, nonce: object) -> None:
        try:
            canonical = str(uuid.UUID(nonce)) if isinstance(nonce, str) else None
        except ValueError as error:
            raise VenueRefusal(401, "invalid_query_payload", "nonce 값이 UUID 형식이 아닙니다.") from error
        if canonical is None:
            raise VenueRefusal(401, "invalid_query_payload", "nonce 값이 없습니다.")
        with self._lock:
            if canonical in self._nonces:
                raise VenueRefusal(401, "nonce_used", "이미 요청한 nonce값이 다시 사용되었습니다.")
            self._nonces.add(canonical)


def _decoded(token: str) -> tuple[str, Mapping[str, object]]:
    """Read algorithm and payload of a JWT; raises VenueRefusal where it is not one or its algorithm is not allowed."""
    parts = token.split(".")
    try:
        header, payload = (json.loads(_unbase64(part)) for part in parts[:2])
    except ValueError as error:
        raise VenueRefusal(401, "jwt_verification", "Jwt 토큰을 읽을 수 없습니다.") from error
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(payload, dict) or header.get("alg") not in _HASHES:
        raise VenueRefusal(401, "jwt_verification", "Jwt 토큰의 형식 또는 알고리즘이 올바르지 않습니다.")
    return str(header["alg"]), payload


def _is_signed(token: str, secret_key: str, algorithm: str) -> bool:
    signed, _, signature = token.rpartition(".")
    expected = hmac.new(secret_key.encode(), signed.encode(), _HASHES[algorithm]).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(expected).rstrip(b"="), signature.rstrip("=").encode())


def _check_query_hash(payload: Mapping[str, object], signed_text: str) -> None:
    claimed = payload.get("query_hash")
    if claimed is None and not signed_text:
        return
    right = hashlib.sha512(signed_text.encode()).hexdigest()
    if payload.get("query_hash_alg", "SHA512") != "SHA512" or claimed != right:
        raise VenueRefusal(401, "invalid_query_payload", "Jwt의 query를 검증하는데 실패하였습니다.")


def _unbase64(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
