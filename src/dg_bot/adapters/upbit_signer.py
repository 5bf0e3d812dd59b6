"""Sign requests to Upbit, with pyupbit holding the key pair."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Protocol
from urllib.parse import unquote, urlencode
from uuid import uuid4

Params = Mapping[str, str | Sequence[str]]


class _Authorizer(Protocol):
    def _request_headers(self, query: Params | None = None) -> dict[str, str]: ...


class UpbitSigner:
    """Make the Authorization header of a request, with a nonce that is never used again."""

    def __init__(self, *, access_key: str, secret_key: str) -> None:
        self.access_key = access_key
        self._secret_key = secret_key

    def __repr__(self) -> str:
        return "UpbitSigner()"

    def authorization(self, params: Params | None) -> str:
        """Give the header's value for a request with these query or body parameters, or with none."""
        signer = _signer_class()(self.access_key, self._secret_key)
        return signer._request_headers(params)["Authorization"]  # pyupbit's only seam for signing


def query_string(params: Params) -> str:
    """Write parameters the way they are signed: unquoted, lists repeated under their own key."""
    return unquote(urlencode(params, doseq=True))


@cache
def _signer_class() -> Callable[[str, str], _Authorizer]:
    """Build the class on first use: pyupbit takes pandas with it, which would cost every start half a second."""
    import jwt  # noqa: PLC0415
    import pyupbit  # noqa: PLC0415

    class Signer(pyupbit.Upbit):  # type: ignore[misc]  # pyupbit has no types
        def __repr__(self) -> str:
            return "Signer()"

        def _request_headers(self, query: Params | None = None) -> dict[str, str]:
            """Sign by the venue's rule, the hash of the unquoted string, where pyupbit hashes the percent-encoded one."""
            payload = {"access_key": self.access, "nonce": str(uuid4())}
            if query:
                payload["query_hash"] = hashlib.sha512(query_string(query).encode()).hexdigest()
                payload["query_hash_alg"] = "SHA512"
            return {"Authorization": f"Bearer {jwt.encode(payload, self.secret, algorithm='HS256')}"}

    return Signer
