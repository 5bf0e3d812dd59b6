import json
from hashlib import sha512

import jwt
import pytest
from upbit import Upbit

from dg_bot.adapters.upbit_signer import Params, UpbitSigner
from tests.unit.adapters.raw_server import RawServer, answers, reply_json

ACCESS = "access-key-of-the-test"
SECRET = "secret-key-of-the-test-40-characters-long"


def claims(header: str, secret: str = SECRET) -> dict[str, str]:
    scheme, token = header.split(" ")
    assert scheme == "Bearer"
    decoded: dict[str, str] = jwt.decode(token, secret, algorithms=["HS256"])
    return decoded


def signer() -> UpbitSigner:
    return UpbitSigner(access_key=ACCESS, secret_key=SECRET)


def test_a_request_without_parameters_is_signed_with_key_and_nonce_alone() -> None:
    signed = claims(signer().authorization(None))

    assert {"access_key", "nonce"} == set(signed)
    assert signed["access_key"] == ACCESS


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"market": "KRW-BTC"}, "market=KRW-BTC"),
        ({"identifier": "bot:1"}, "identifier=bot:1"),
        ({"start_time": "2026-11-20T00:00:00+09:00"}, "start_time=2026-11-20T00:00:00+09:00"),
        ({"pairs": "KRW-BTC,KRW-ETH"}, "pairs=KRW-BTC,KRW-ETH"),
        ({"states[]": ("wait", "watch"), "page": "1"}, "states[]=wait&states[]=watch&page=1"),
    ],
)
def test_the_hash_is_taken_over_the_unquoted_parameters(params: Params, text: str) -> None:
    signed = claims(signer().authorization(params))

    assert sha512(text.encode()).hexdigest() == signed["query_hash"]
    assert signed["query_hash_alg"] == "SHA512"


def test_no_nonce_is_used_twice() -> None:
    one = signer()

    assert len({claims(one.authorization(None))["nonce"] for _ in range(20)}) == 20


def test_neither_key_is_shown() -> None:
    assert repr(signer()) == "UpbitSigner()"
    assert SECRET not in f"{signer()!r} {signer()}"


def test_the_official_client_hashes_the_same_parameters_to_the_same_value() -> None:
    with RawServer(answers(reply_json({"uuid": "x"}))) as server:
        with Upbit(access_key=ACCESS, secret_key=SECRET, base_url=f"{server.url}/v1", max_retries=0) as official:
            official.orders.retrieve(identifier="ns.KRW-BTC:1+2")
            official.orders.create(market="KRW-BTC", side="bid", ord_type="price", price="5000", identifier="a:b")
        theirs = [claims(request.headers["authorization"])["query_hash"] for request in server.requests]
        body = json.loads(server.requests[1].body)

    ours = [claims(signer().authorization(params))["query_hash"] for params in ({"identifier": "ns.KRW-BTC:1+2"}, body)]
    assert theirs == ours
