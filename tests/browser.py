"""A headless Chromium that is driven through two pipes; tests that need it skip where there is none."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_CHROMIUM = "/usr/bin/chromium"
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip

Message = Mapping[str, Any]


class Browser:
    """One page of a browser: what it is told, what it answers, and every event it has reported on the way."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._received = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[Message] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: object) -> Message:
        """Call a method of the DevTools protocol and give its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer)
                result: Message = answer["result"]
                return result
            self.events.append(answer)

    def open(self, file: Path) -> None:
        """Load a file and wait until its scripts have run."""
        self.ask("Page.navigate", url=file.absolute().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def value(self, expression: str) -> Any:
        """Give what an expression of the page's script is."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def show(self, *, width: int, height: int, is_dark: bool = False) -> None:
        """Take the size of a screen and its preference of light or dark, and wait until the page has drawn itself again."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 150))))")

    def picture(self, *, whole: bool = False) -> bytes:
        """Give what is shown as PNG; the whole page, however long, if that is asked for."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])

    def of(self, method: str) -> list[Message]:
        """Give the parameters of every event of one kind."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def _next(self) -> Message:
        while b"\0" not in self._received:
            fresh = os.read(self._answers, 1 << 20)
            assert fresh, "the browser ended"
            self._received += fresh
        message, _, self._received = self._received.partition(b"\0")
        answer: Message = json.loads(message)
        return answer


def is_there() -> bool:
    return shutil.which(_CHROMIUM) is not None


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Start a browser with an empty profile, or skip the test and say that there is none."""
    if not is_there():
        pytest.skip(f"there is no browser here: {_CHROMIUM}")
    for_browser, commands = os.pipe()
    answers, from_browser = os.pipe()
    # The protocol's pipes are its descriptors 3 and 4.
    start = f'exec "$0" "$@" 3</dev/fd/{for_browser} 4>/dev/fd/{from_browser}'
    process = subprocess.Popen(
        ["/bin/sh", "-c", start, _CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(for_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(for_browser)
    os.close(from_browser)
    try:
        yield Browser(commands, answers)
    finally:
        # It ends when nobody can tell it anything any more.
        os.close(commands)
        process.wait(20)
        os.close(answers)
