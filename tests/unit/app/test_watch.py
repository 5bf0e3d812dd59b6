import pytest

from dg_bot.app.http import Check, StatusServer
from dg_bot.app.settings import Settings
from dg_bot.app.watch import _daemon
from tests.unit.adapters.raw_server import RawServer, answers, http


def test_who_sits_at_the_daemons_port_gives_the_terminal_no_orders() -> None:
    """Any program of the machine may have taken the port: a terminal obeys what begins with an escape."""
    checks = {"guard\x1b[2J": Check(True, "\x1b]52;c;b3duZWQ=\x07well"), "cycle": Check(False, "late\x9b2J " + "x" * 1000)}
    server = StatusServer(service="x", checks=lambda: checks, exposition=bytes, clean=str, port=0)
    server.start()
    try:
        lines = list(_daemon(Settings(health_port=server.port)))
    finally:
        server.stop()

    assert (3, True, True) == (len(lines), all(map(str.isprintable, lines)), max(map(len, lines)) < 300)
    assert lines[1].endswith("]52;c;b3duZWQ= well")


@pytest.mark.parametrize(
    "body", [b'{"status": "ok", "uptime": 1, "checks": []}', b"[]", b"[" * 60_000, b'{"status": 1, "uptime": "x"}', b"no JSON"]
)
def test_what_is_no_daemon_at_the_port_is_said_to_be_none(body: bytes) -> None:
    with RawServer(answers(http(200, body))) as server:
        lines = list(_daemon(Settings(health_port=int(server.url.rpartition(":")[2]))))

    assert "it does not run, or has another HEALTH_PORT" in lines[-1]
