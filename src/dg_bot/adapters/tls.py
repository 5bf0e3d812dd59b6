"""Whom connections trust: the bundled authorities, and nothing that the environment says."""

import ssl

import certifi


def trusted_authorities() -> ssl.SSLContext:
    """Trust the bundled authorities and no variable of the environment: neither other authorities nor a file for session keys."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    return context
