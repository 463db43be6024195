from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from sign2sound.labels import LABELS

PER_CLASS = 20
MISSED = 2  # of every class


@pytest.fixture(scope="session")
def processed(tmp_path_factory) -> Path:
    """A processed folder of 29 made-up hand shapes, 20 noisy pictures of each, two of them without a found hand."""
    random = np.random.default_rng(0)
    shapes = random.normal(size=(len(LABELS), 1, 21, 3))
    landmarks = 100 + 50 * (shapes + 0.05 * random.normal(size=(len(LABELS), PER_CLASS, 21, 3)))
    landmarks[:, :MISSED] = np.nan
    rows = [
        {
            "path": f"{label}/{number}.png",
            "label": label,
            "group": f"{label}/{number // 4}",
            "split": "validation" if number % 4 == 0 else "train",
            "width": 200,
            "height": 200,
            "found": int(number >= MISSED),
            "pass": int(number >= MISSED),
            "handedness": "Right" if number >= MISSED else "",
            "score": 0.9,
        }
        for label in LABELS
        for number in range(PER_CLASS)
    ]
    folder = tmp_path_factory.mktemp("made") / "processed"
    folder.mkdir()
    np.save(folder / "landmarks.npy", landmarks.reshape(-1, 63).astype(np.float32))
    pd.DataFrame(rows).to_csv(folder / "index.csv", index=False)
    return folder


@pytest.fixture
def one_thread():
    """More would wait for each other on work this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
