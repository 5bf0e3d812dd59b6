"""Codes that a person types from one message into another."""

import secrets

# Without letters and digits that look alike on a phone.
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 6


def new_code() -> str:
    """Draw a code that nobody can guess within the few tries that there are."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
