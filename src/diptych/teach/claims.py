"""Checks of the claims in a tutorial."""

from __future__ import annotations

import sys
from typing import Any


class Checks:
    """Checks the claims of one tutorial, and counts them.

        check = Checks("01")
        check("the largest slope of the sigmoid is 1/4", slope.max() <= 0.25)
        check.done()                                   # prints "01: 1 checks passed"

    Args:
        number: the tutorial's number.
    """

    def __init__(self, number: str) -> None:
        self.number = number
        self.skipped = 0
        self._places: set[tuple[str, int]] = set()

    def __call__(self, claim: str, holds: Any) -> None:
        """Print the claim if it holds; AssertionError if it does not."""
        if not holds:
            raise AssertionError(
                f"tutorial {self.number} claims something that does not hold: {claim}"
            )
        caller = sys._getframe(1)
        self._places.add((caller.f_code.co_filename, caller.f_lineno))
        print(f"✓ {claim}")

    def skip(self, count: int, reason: str) -> None:
        """Say that so many claims can't be checked here, and why."""
        self.skipped += count
        print(f"- {count} not checked: {reason}")

    def done(self) -> None:
        """Print the number of different claims checked, and of those that were not."""
        rest = f", {self.skipped} not checked" if self.skipped else ""
        print(f"{self.number}: {len(self._places)} checks passed{rest}")
