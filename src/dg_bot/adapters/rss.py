"""Fetch a feed of news: one page within one deadline, whatever the other side does."""

import re
import ssl
from dataclasses import dataclass
from importlib import import_module
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import httpcore

from dg_bot.adapters.deadline_network import DeadlineNetwork
from dg_bot.adapters.feed_text import read_feed
from dg_bot.adapters.loopback import is_loopback
from dg_bot.adapters.tls import trusted_authorities
from dg_bot.domain.news import FeedOutcome, FeedReading

BODY_LIMIT_BYTES = 1024 * 1024
_MOST_REDIRECTS = 3
_LONGEST_TAG = 200
_PRINTABLE = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class _Page:
    status: int
    headers: dict[str, str]
    body: bytes
    is_from_outside: bool


class _Failed(Exception):
    def __init__(self, outcome: FeedOutcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


class RssFeed:
    """One feed, RSS or Atom. It is asked for what has changed since it was last read whole, and sent nothing but that.

    Over https, and over plain http on this machine alone; a redirect is followed three times, and never from a server of the
    world to an address of this machine or its network, however that is called. No proxy, cookie or variable of the environment is
    looked at.
    """

    def __init__(self, url: str) -> None:
        """Prepare without touching the network; loading the library takes a moment that belongs to no deadline."""
        import_module("feedparser")
        self._url = url
        self._network = DeadlineNetwork()
        self._outside = DeadlineNetwork(leads_outside)
        self._tls = trusted_authorities() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._unchanged_if: dict[str, str] = {}

    @property
    def source(self) -> str:
        """The name of the server: what the feed calls itself is its own claim."""
        return (urlsplit(self._url).hostname or "").removeprefix("www.")

    def read(self, deadline_s: float) -> FeedReading:
        """Give what the feed lists, or the word for what came instead, no later than `deadline_s` from now; never raises.

        The deadline is that of the network; what came is read in a second or two more at the very most.
        """
        try:
            with self._network.deadline(deadline_s), self._outside.deadline(deadline_s):
                page = self._page(self._url, _MOST_REDIRECTS, self._network)
        except _Failed as failed:
            return FeedReading(outcome=failed.outcome)
        if page.status == 304 and self._unchanged_if:
            return FeedReading(outcome=FeedOutcome.UNCHANGED)
        if page.status != 200:
            return FeedReading(outcome=FeedOutcome.REFUSED)
        reading = read_feed(self.source, page.body, page.headers.get("content-type", ""))
        self._unchanged_if = _conditions(page.headers) if reading.outcome is FeedOutcome.READ else {}
        return reading

    def _page(self, url: str, redirects: int, network: DeadlineNetwork) -> _Page:
        page = self._get(url, network)
        location = page.headers.get("location")
        if page.status not in (301, 302, 303, 307, 308) or location is None:
            return page
        try:
            target = urljoin(url, location)
            is_allowed = _is_allowed(target, from_here=is_loopback(url))
        except ValueError as error:
            raise _Failed(FeedOutcome.REDIRECTED) from error
        if not redirects or not is_allowed:
            raise _Failed(FeedOutcome.REDIRECTED)
        return self._page(target, redirects - 1, self._outside if page.is_from_outside else network)

    def _get(self, url: str, network: DeadlineNetwork) -> _Page:
        """Send one request on a connection of its own, and give the whole answer."""
        parts = urlsplit(url)
        connection: httpcore.HTTPConnection | None = None
        try:
            asked = httpcore.URL(url)
            host = asked.host.decode("ascii")
            headers = {
                "Host": f"[{host}]" if ":" in host else host if parts.port is None else f"{host}:{parts.port}",
                "Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.1",
                "Accept-Encoding": "identity",
                "User-Agent": "dg-bot",
                **self._unchanged_if,
            }
            connection = httpcore.HTTPConnection(origin=asked.origin, ssl_context=self._tls, network_backend=network, retries=0)
            with connection.stream("GET", asked, headers=list(headers.items())) as response:
                told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                is_from_outside = _is_from_outside(response)
                return _Page(response.status, told, _capped(response, told), is_from_outside)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise _Failed(_cause(error)) from error
        except (UnicodeError, ValueError, httpcore.UnsupportedProtocol) as error:
            raise _Failed(FeedOutcome.REDIRECTED) from error
        finally:
            if connection is not None:
                connection.close()


def _is_from_outside(response: httpcore.Response) -> bool:
    try:
        address, *_ = response.extensions["network_stream"].get_extra_info("server_addr")
    except OSError:  # it has gone by now, and nobody knows where it was
        return True
    return leads_outside(address)


def leads_outside(address: str) -> bool:
    """Tell whether an IP address is one of the world: neither this machine's nor of a network that it is in."""
    found = ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_global


def _capped(response: httpcore.Response, headers: dict[str, str]) -> bytes:
    if headers.get("content-encoding", "identity") != "identity":
        raise _Failed(FeedOutcome.ENCODED)
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise _Failed(FeedOutcome.TOO_LARGE)
    return bytes(body)


def _is_allowed(url: str, *, from_here: bool) -> bool:
    """Tell whether a redirect may be followed: to https elsewhere, and within this machine."""
    if is_loopback(url):
        return from_here and urlsplit(url).scheme in ("http", "https")
    return urlsplit(url).scheme == "https"


def _conditions(headers: dict[str, str]) -> dict[str, str]:
    """Give the headers by which a server can say that nothing has changed."""
    pairs = {"If-None-Match": headers.get("etag", ""), "If-Modified-Since": headers.get("last-modified", "")}
    return {name: told for name, told in pairs.items() if len(told) <= _LONGEST_TAG and _PRINTABLE.fullmatch(told)}


def _cause(error: Exception) -> FeedOutcome:
    match error:
        case httpcore.TimeoutException():
            return FeedOutcome.NO_ANSWER_IN_TIME
        case httpcore.ConnectError(args=(ssl.SSLCertVerificationError(), *_)):
            return FeedOutcome.CERTIFICATE_REFUSED
        case httpcore.ConnectError():
            return FeedOutcome.UNREACHABLE
        case _:
            return FeedOutcome.CONNECTION_LOST
