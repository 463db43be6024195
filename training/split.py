"""Which samples a run trains on and which it keeps for measuring: train.py and evaluate.py must agree."""

import numpy as np

from data.dataset import Samples
from data.splits import random_split
from training.config import DataConfig, ImageDataConfig
from training.images.pictures import Pictures


def split_samples(
    samples: Samples | Pictures, config: DataConfig | ImageDataConfig, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation rows, bool (N,) each. Doubtful labels, rows stored for testing and test sources are in neither;
    rows found by a later pass than the first stay for validation even where `config.rescued` keeps them out of training.

    Each source is split by itself, so that its rows are the same whatever other sources are loaded beside it.
    """
    validation = samples.validation.copy()
    if config.split == "source":
        validation = np.isin(samples.sources, config.validation_sources)
    elif config.split == "random":
        for source in np.unique(samples.sources):
            rows = samples.sources == source
            validation[rows] = random_split(samples.labels[rows], config.validation_share, seed)
    usable = samples.trusted & ~samples.test & ~np.isin(samples.sources, config.test_sources)
    wanted = config.rescued | (samples.passes <= 1)
    return usable & wanted & ~validation, usable & validation
