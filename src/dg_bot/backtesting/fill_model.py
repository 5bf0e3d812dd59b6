"""At which price an order fills: its loss to the spread, to the depth of the book and to the market, and the price step.

The null model is a constant fraction; the terms for depth and market are zero where they are not asked for. All prices and
amounts are KRW, all results fractions or prices; the functions can be compiled as they stand.
"""

import math

# The depth of a book is told as what rests within this fraction of its best price.
DEPTH_REACH = 0.01
# No order loses more than this fraction, whatever the formula says of one that is far too large.
MOST = 0.5
# A price this near to a step, in steps, is on it: the rest is rounding of floats.
_NEAR = 1e-9


def slippage(notional: float, traded: float, spread: float, depth: float, impact: float) -> float:
    """Give the fraction of its price that an order of `notional` loses: spread + 0.01 × notional / (2 × depth) + impact × √share.

    An order walks a book whose `depth` rests evenly within 1 % of the best price, and so pays half the way on average (0.0: not
    asked). `share` is the order's part of what was `traded` in the bar, at most all of it: the square-root law of market impact
    (Almgren et al. 2005, Tóth et al. 2011), with `impact` as the loss of an order as large as the bar (0.0: not asked).
    """
    loss = spread
    if depth > 0.0:
        loss += DEPTH_REACH * notional / (2.0 * depth)
    if impact > 0.0:
        loss += impact * math.sqrt(notional / traded if notional < traded else 1.0)
    return min(loss, MOST)


def price_up(price: float, step: float) -> float:
    """Give the lowest price on the venue's grid that is not below `price`; a step of 0.0 is no grid."""
    return math.ceil(price / step - _NEAR) * step if step > 0.0 else price


def price_down(price: float, step: float) -> float:
    """Give the highest price on the venue's grid that is not above `price`; a step of 0.0 is no grid."""
    return math.floor(price / step + _NEAR) * step if step > 0.0 else price
