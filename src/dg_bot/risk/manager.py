"""Approve orders."""

from dataclasses import dataclass

from dg_bot.domain.order import OrderRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskApproved:
    request: OrderRequest
    identifier: str
