"""What share a bargainer demands as time goes by."""

from __future__ import annotations

HARD = 0.8  # the share that a hard-boiled bargainer always demands
BOULWARE, CONCEDER = 4.0, 0.3  # exponents: holds out to the end, gives in at once


def target(turn: int, most: int, exponent: float, least: float) -> float:
    """Demanded share at offer `turn` of `most`, from 1 down to `least`.

    u(t) = least + (1 - least) (1 - (t / M)^e) with t = turn - 1, M = most (Faratin, Sierra and
    Jennings 1998); `least` from t = M on.
    """
    gone = min((turn - 1) / most, 1.0)
    return least + (1 - least) * (1 - float(gone**exponent))
