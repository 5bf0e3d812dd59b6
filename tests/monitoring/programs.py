"""Debian's programs around Prometheus; a test that needs one that is missing skips, and says which package brings it."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

_PACKAGE = {"amtool": "prometheus-alertmanager"}
_DEADLINE_S = 30.0


def program(name: str) -> str:
    """Give the path of a program, or skip the test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} here: it comes with Debian's {_PACKAGE.get(name, 'prometheus')}")
    return found


def told(name: str, *arguments: str, folder: Path | None = None) -> tuple[int, str]:
    """Run one of them and give its exit code and all that it said."""
    done = subprocess.run(
        [program(name), *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


class Prometheus:
    """A server that is asked over HTTP."""

    def __init__(self, address: str) -> None:
        self._address = address

    def ask(self, query: str) -> list[Mapping[str, Any]]:
        """Give the series that a query has now; fails with the server's words where it is none."""
        with urlopen(f"{self._address}/api/v1/query?{urlencode({'query': query})}") as answer:  # noqa: S310 - loopback
            result: list[Mapping[str, Any]] = json.load(answer)["data"]["result"]
            return result

    def wait_for(self, query: str) -> list[Mapping[str, Any]]:
        """Ask until there is a series."""
        deadline_s = time.monotonic() + _DEADLINE_S
        while time.monotonic() < deadline_s:
            try:
                if found := self.ask(query):
                    return found
            except URLError:
                pass  # not ready yet
        pytest.fail(f"Prometheus never had a series of {query}")


@contextmanager
def prometheus(config: Path, target: str, folder: Path) -> Iterator[Prometheus]:
    """Run a real Prometheus by the repository's configuration, which scrapes `target` five times a second."""
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["global"] |= {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"}
    settings["rule_files"] = [str(config.with_name(name)) for name in settings["rule_files"]]
    settings["alerting"] = {}
    settings["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    changed = folder / "prometheus.yml"
    changed.write_text(yaml.safe_dump(settings), encoding="utf-8")
    address = f"127.0.0.1:{_free_port()}"
    command = [
        program("prometheus"), f"--config.file={changed}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}", "--log.level=error",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield Prometheus(f"http://{address}")
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
