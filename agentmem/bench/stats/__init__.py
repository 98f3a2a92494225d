"""Statistics over runs.  A run is one observation: rounds within a run are one cluster."""

from agentmem.bench.stats.bootstrap import Interval, bca, bca_difference, bca_ratio
from agentmem.bench.stats.contrasts import Row
from agentmem.bench.stats.equivalence import tost
from agentmem.bench.stats.estimands import (
    area,
    areas,
    bimodal,
    cliffs_delta,
    curse_slope,
    paired,
    rescue,
)
from agentmem.bench.stats.permutation import benjamini_hochberg, holm, sign_flip
from agentmem.bench.stats.power import Design, paired_sd, power_text
from agentmem.bench.stats.summary import curves, summarise

__all__ = [
    "Design",
    "Interval",
    "Row",
    "area",
    "areas",
    "bca",
    "bca_difference",
    "bca_ratio",
    "benjamini_hochberg",
    "bimodal",
    "cliffs_delta",
    "curse_slope",
    "curves",
    "holm",
    "paired",
    "paired_sd",
    "power_text",
    "rescue",
    "sign_flip",
    "summarise",
    "tost",
]
