from dataclasses import replace

import numpy as np

from data.dataset import load_samples
from training.config import load_config
from training.split import split_samples


def test_rescued_rows_can_be_kept_out_of_training_and_stay_for_validation(root, processed):
    stills, _ = load_samples([processed])
    stills = replace(stills, passes=np.arange(len(stills)) % 3)
    split = {}
    for rescued in ("true", "false"):
        config = load_config(root / "training" / "config.yaml", [f"data.rescued={rescued}"])
        split[rescued] = split_samples(stills, config.data, seed=0)
    assert (split["true"][0] == ~stills.validation).all()
    assert (split["false"][0] == (~stills.validation & (stills.passes <= 1))).all()
    assert (split["true"][1] == split["false"][1]).all() and (stills.passes[split["true"][1]] > 1).any()
