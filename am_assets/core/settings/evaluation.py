"""How a checkpoint is asked about benchmarks."""

from am_assets.core.requests import Sampling
from am_assets.core.settings.section import Section


class Evaluation(Section):
    """How benchmark answers are sampled (AM 3.1)."""

    sampling: Sampling = Sampling(max_tokens=32768)
