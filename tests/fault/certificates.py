"""Certificates for servers of the tests, made by the openssl of this machine."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Somebody who signs certificates; `certificate` is the file that those who trust it load."""

    folder: Path
    certificate: Path
    key: Path

    def server(self, name: str, *, address: str = "127.0.0.1", days: int = 2) -> ssl.SSLContext:
        """Give the context of a server at `address`, whose certificate lasts for `days` from now (or ended so long ago)."""
        key, request, signed = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
        extension = self.folder / f"{name}.ext"
        extension.write_text(f"subjectAltName=IP:{address}\n")
        _openssl("req", "-new", *_KEY, "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request))
        signing = ("-CA", str(self.certificate), "-CAkey", str(self.key), "-set_serial", "7", "-extfile", str(extension))
        _openssl("x509", "-req", "-in", str(request), *signing, "-days", str(days), "-out", str(signed))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(signed, key)
        return context


def authority(folder: Path, name: str) -> Authority:
    """Make an authority that nobody trusts yet."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    _openssl("req", "-x509", *_KEY, "-days", "2", "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate))
    return Authority(folder=folder, certificate=certificate, key=key)


def _openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not on this machine, so there is no certificate to judge")
    subprocess.run([program, *arguments], check=True, capture_output=True)
