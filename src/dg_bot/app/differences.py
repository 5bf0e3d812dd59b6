"""Say in words what a difference between the account and the books means."""

from decimal import Decimal

from dg_bot.domain.money import ZERO, plain


def signed(amount: Decimal) -> str:
    """Write an amount in plain digits with its sign."""
    return f"{'+' if amount > ZERO else ''}{plain(amount)}"


def in_words(currency: str, amount: Decimal) -> str:
    """Tell how much more or less there is than the books expect, and what may have made it so."""
    is_more = amount > ZERO
    size = f"{plain(abs(amount))} {currency} {'more' if is_more else 'less'} than in the books"
    if currency == "KRW":
        cause = "paid in, or from a sale" if is_more else "taken out, or spent on a purchase"
        return f"{size}: {cause} that the bot did not make"
    if is_more:
        return f"{size}: sent in or bought by hand; the bot neither counts nor sells it"
    return f"{size}: sent away or sold by hand; what the bot owned of it may be gone"
