"""Approved orders for tests of what happens after approval."""

from dg_bot.domain.order import OrderRequest
from dg_bot.risk import manager
from dg_bot.risk.manager import RiskApproved


def approved(request: OrderRequest, identifier: str) -> RiskApproved:
    """Seal an order as the risk manager would."""
    return RiskApproved(request=request, identifier=identifier, seal=manager._SEAL)
