"""How much a run of score differences speaks for a challenger, as a wealth that equal models seldom make.

Whoever doubts that the challenger is better lets somebody bet on each difference x in [-1, 1] before it is known, at even odds:
of the wealth the share b is staked, and it becomes wealth * (1 + b * x). Where no difference is above 0 on average, given all
that was known before it, no way of staking makes this wealth grow on average either (it is a supermartingale), and by Ville's
inequality it reaches 1 / a at any time at all with a probability of at most a. So one may look after every single day and stop
when one likes. Shares of 0.05 to 0.95 are staked side by side, with an equal part of the first coin each: the mean of their
wealths is as good a bet, and comes close to the best of them without anybody knowing which that is.

Sources: J. Ville, Étude critique de la notion de collectif (1939), for the inequality; I. Waudby-Smith and A. Ramdas, Estimating
means of bounded random variables by betting (2023), for the bets; Y. J. Choe and A. Ramdas, Comparing sequential forecasters
(Operations Research, doi 10.1287/opre.2021.0792), for the scores of two forecasters as such differences.
"""

import numpy as np
from numpy.typing import NDArray

from dg_bot.errors import ImpossibleValue

_STAKES = np.arange(0.05, 0.951, 0.05)


def wealth(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the wealth after each difference, (n,) float64 from a first coin of 1; raises ImpossibleValue outside of [-1, 1]."""
    if not np.all(np.abs(differences) <= 1.0):
        raise ImpossibleValue("score difference", float(np.max(np.abs(differences))), "it must be a number from -1 to 1")
    grown = np.cumsum(np.log1p(_STAKES[:, None] * differences[None, :]), axis=1)
    made: NDArray[np.float64] = np.mean(np.exp(grown), axis=0)
    return made
