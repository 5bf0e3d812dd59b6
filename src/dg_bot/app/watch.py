"""A live view of a bot: what the doctor finds and what the daemon says of itself, looked at again and again."""

import http.client
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from dg_bot.app.account_access import AccountAccess
from dg_bot.app.doctor import Findings, examine
from dg_bot.app.doctor_report import print_findings
from dg_bot.app.settings import Settings
from dg_bot.domain.calendar import KST
from dg_bot.errors import BotError

_ANSWER_S = 2.0
_LONGEST = 200


def watch(settings: Settings, account: AccountAccess, console: Console, *, period_s: float) -> bool:
    """Show one screen, made anew every `period_s` seconds, until Ctrl-C; tells whether all was well at the last look."""
    is_well = False
    with _screen(console) as live:
        try:
            for looks in count(1):
                try:
                    findings = examine(settings, account.balances)
                except BotError as error:
                    # A journal that is being closed, or a folder on its way: the next look tells.
                    is_well, found = False, Text(str(error), style="yellow")
                else:
                    is_well, found = findings.is_well, _rendered(findings, console)
                live.update(Group(_head(looks, period_s), found, Text("\n".join(_daemon(settings)))), refresh=True)
                time.sleep(period_s)
        except KeyboardInterrupt:
            return is_well
    return is_well


@contextmanager
def _screen(console: Console) -> Iterator[Live]:
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield live


def _head(looks: int, period_s: float) -> Text:
    now = datetime.now(UTC)
    times = f"{now.astimezone(KST):%Y-%m-%d %H:%M:%S} KST  {now:%H:%M:%S} UTC"
    return Text(f"{times}   look {looks}, every {period_s:g} s, Ctrl-C ends\n", style="dim")


def _rendered(findings: Findings, console: Console) -> Text:
    """Give the doctor's screen as one text of the terminal's width."""
    page = io.StringIO()
    print_findings(findings, Console(file=page, width=console.width, force_terminal=True, highlight=False))
    return Text.from_ansi(page.getvalue())


def _daemon(settings: Settings) -> Iterator[str]:
    """Give what the daemon's own page says, a check a line."""
    if settings.health_port == 0:
        return
    connection = http.client.HTTPConnection(_host(settings.health_host), settings.health_port, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/health")
        document = json.loads(connection.getresponse().read(65_536))
        yield f"daemon       {_shown(document['status'])}, up {float(document['uptime']):,.0f} s"
        for name, check in document["checks"].items():
            yield f"  {_shown(name):<11}{'' if check['ok'] else 'NOT WELL: '}{_shown(check['detail'])}"
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield f"daemon       nobody answers on port {settings.health_port}: it does not run, or has another HEALTH_PORT"
    finally:
        connection.close()


def _shown(text: object) -> str:
    """Give what a terminal can only show: whoever has taken the port could have it obey."""
    return "".join(character if character.isprintable() else " " for character in str(text)[:_LONGEST]).strip()


def _host(configured: str) -> str:
    """Give where to knock: an address that means every one of this machine is asked on its loopback."""
    return "127.0.0.1" if configured in ("0.0.0.0", "::", "") else configured  # noqa: S104 - compared, not bound
