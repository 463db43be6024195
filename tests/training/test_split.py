from dataclasses import fields, replace

import numpy as np
from PIL import Image

from data.dataset import load_samples
from training.config import load_config
from training.images.pictures import load_pictures
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


def test_rows_and_sources_for_testing_and_doubtful_labels_are_in_neither_part(root, processed):
    stills, _ = load_samples([processed])
    number = np.arange(len(stills))
    sources = np.where(number % 5 == 1, "anna", stills.sources)

    class Stored(type(stills)):
        test = number % 7 == 0

    stored = Stored(**{field.name: getattr(stills, field.name) for field in fields(stills)})
    stored = replace(stored, sources=sources, trusted=number % 11 != 0)
    config = load_config(root / "training" / "config.yaml", ["data.test_sources=[anna]"])
    usable = (number % 7 != 0) & (number % 5 != 1) & (number % 11 != 0)
    training, validation = split_samples(stored, config.data, seed=0)
    assert (training == (usable & ~stills.validation)).all()
    assert (validation == (usable & stills.validation)).all()


def test_rows_stored_for_testing_are_neither_trained_on_nor_validated_on(root, tmp_path):
    for part in ("train", "test"):
        for label in "AB":
            (tmp_path / part / label).mkdir(parents=True)
            for number in range(20):
                Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / part / label / f"{number}.png")
    pictures = load_pictures([tmp_path], ["A", "B"], [4, 4, 3])
    for split in ("stored", "random"):
        config = load_config(root / "training" / "config.yaml", [f"data.split={split}"])
        training, validation = split_samples(pictures, config.data, seed=0)
        assert not (training | validation)[pictures.test].any()
        assert (training ^ validation)[~pictures.test].all() and pictures.test.sum() == 40
