"""Which addresses are this machine's own."""

from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_loopback(url: str) -> bool:
    """Tell whether a URL points at this machine; what is no URL points nowhere."""
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False
