"""How steep prices are from sweep to sweep: multipliers on an exponential whose slope rises as flows come to rest.

    y_e = w_e exp(min(3, slope (L_e / (C_e unit) - 1)))        price of link e at load L_e
    w_e <- y_e after each sweep but the first few              method of multipliers (Bertsekas 1982, chapter 5)

A price that stays where it is makes w_e = y_e at L_e = C_e unit: the load of a dear link comes to its capacity without
the slope having to go to infinity, as a penalty alone needs. `regret` is what cheapest ways at the prices would save,
`bias` what prices of links that are not full cost: their sum is the gap of the prices.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from highroad.planning.solve.problem import Flags, Reals

STEEPEST = 3.0
"""As the kernel has it."""

BEFORE, FAR = 4, 0.5
"""So many sweeps find out where flow goes at all, and until the regret is less than this share of the objective, before
multipliers remember it: they would remember where it went on its way."""

IMPATIENT = 100
"""After so many sweeps something goes round in circles: multipliers wait until flows have come to rest at them."""

RISES, AT_REST = 1.6, 4.0
"""The slope rises by this factor while the regret is less than so many times the bias."""

ROUGH = 0.01
"""While the regret is more than this share, the slope may be told to rise slower."""

WARM_SLOPE, WARM_TOLERANCE = 60.0, 2e-3
"""Where prices are known already, loads are held near to capacity."""

HIGHEST = 2_000.0
"""Steeper, and a step is too short to get anywhere; from there on multipliers do the rest."""

HIGHEST_CUT = 700.0
"""The same where links are cut: e to the minus this is above 0, so that infinity times it is infinity still."""

TOLERANCES = (2e-5, 2e-2)
"""A way is not left for one that is cheaper by less than this share: at the end, and at the beginning."""

WEIGHTS = (1e-9, 1e3)
CREEP = (np.exp(-STEEPEST), np.exp(STEEPEST))
KEPT = 4
"""The mean of so many prices bounds better than the last of them."""


@dataclass(slots=True)
class Slope:
    """Weights, slope and tolerance for the next sweep, and the prices of the last ones."""

    capacity_gbps: Reals
    slope: float
    weight: Reals = field(init=False)
    tolerance: float = 0.0
    unit: float = 1.0
    sweeps: int = 0
    prices: list[Reals] = field(default_factory=list)
    rises: float = RISES
    far: float = np.inf
    """After so many sweeps multipliers remember however large the regret is."""
    falls: float = np.inf
    """No multiplier falls by more than e to this in a sweep: one that is nothing at once draws all to its link."""
    least: float = WEIGHTS[0]
    """No multiplier is less: links that cost nothing are told apart by loads, and not by what they cost before."""
    creeps: float = 0.0
    """Multipliers that wait go on as slowly as this power says: flows may never come to rest at these."""
    closed: Flags | None = None
    """Links that are cut: no price is low enough."""
    _before: int = BEFORE

    def __post_init__(self) -> None:
        self.weight = np.ones(len(self.capacity_gbps))

    def warm(self, price: Reals, slope: float = WARM_SLOPE) -> None:
        """Begin at these prices: those of a plan of before, in the units of this one."""
        self.weight = np.clip(price, *WEIGHTS)
        self.slope = slope
        self.tolerance = WARM_TOLERANCE
        self._before = 0
        self._close()

    def _close(self) -> None:
        if self.closed is not None:
            self.weight[self.closed] = np.inf

    def at(self, load_gbps: Reals) -> Reals:
        """Prices at a load."""
        over = self.slope * (load_gbps / (self.capacity_gbps * self.unit) - 1.0)
        price: Reals = self.weight * np.exp(np.minimum(STEEPEST, over))
        return price

    def pressed(self, load_gbps: Reals) -> bool:
        """Whether a link is so far over that its price says no more how far, as where it cost nothing till now."""
        return bool((self.slope * (load_gbps / (self.capacity_gbps * self.unit) - 1.0) >= STEEPEST).any())

    def swept(self, price: Reals, regret: float, bias: float, *, pressed: bool = False) -> None:
        """A sweep ended at these prices; regret and bias are shares of the objective. Multipliers never wait while
        something is `pressed`.
        """
        self.sweeps += 1
        self.prices = [*self.prices[1 - KEPT :], price]
        low, high = TOLERANCES
        self.tolerance = min(high, max(low, 0.3 * (regret + abs(bias))))
        at_rest = regret < AT_REST * abs(bias)
        near = regret < FAR or not self._before or self.sweeps > self.far
        if self.sweeps > self._before and near and (at_rest or pressed or self.sweeps < IMPATIENT):
            highest = float(price[np.isfinite(price)].max(initial=0.0))
            least = self.weight * np.exp(-self.falls) if np.isfinite(self.falls) else 0.0
            self.weight = np.clip(np.maximum(price, least) / max(1.0, highest / WEIGHTS[1]), self.least, WEIGHTS[1])
            self._close()
        elif self.creeps and self.sweeps > self._before and near:
            self.weight = np.clip(
                self.weight * np.clip(price / self.weight, *CREEP) ** self.creeps, self.least, WEIGHTS[1]
            )
        if self.sweeps > 1 and at_rest:
            highest = HIGHEST if self.closed is None else HIGHEST_CUT
            self.slope = min(highest, self.slope * (self.rises if regret > ROUGH else RISES))

    def open(self, values: Reals) -> Reals:
        """Values of links, without what is said of those that are cut."""
        if self.closed is None:
            return values
        left: Reals = np.where(self.closed, 0.0, values)
        return left

    @property
    def mean(self) -> Reals:
        """The mean of the last prices."""
        mean: Reals = np.mean(self.prices, axis=0)
        return mean
