import sys

import numpy as np
import pytest
import torch

from data.dataset import load_samples
from sign2sound import UserError, adapting
from sign2sound.checkpoint import save_checkpoint
from sign2sound.labels import LABELS
from sign2sound.model import LandmarkGRU
from training.measure import profiles


@pytest.fixture(autouse=True)
def little_work(monkeypatch):
    for name, value in {"_STEPS": 3, "_OWN": 8, "_OTHERS": 8}.items():
        monkeypatch.setattr(adapting, name, value)


@pytest.fixture
def people(tmp_path):
    """Anna signs A 40 and B 20 times, and C too rarely; Ben signs A and `nothing`."""
    random = np.random.default_rng(0)
    folder = tmp_path / "landmarks"
    folder.mkdir()
    for name, labels in (("anna", ["A"] * 40 + ["B"] * 20 + ["C"] * 11), ("ben", ["A"] * 30 + ["nothing"] * 30)):
        landmarks = random.normal(size=(len(labels), 21, 3)).astype(np.float32)
        np.savez(folder / f"{name}.npz", landmarks=landmarks, label=np.array(labels), left_handed=np.zeros(len(labels), bool))
    return folder


def test_samples_come_from_the_first_half_and_tests_from_the_second(people):
    stills, _ = load_samples([people])
    samples, test = profiles.choose_rows(stills, "anna", 5)
    assert samples.tolist() == [0, 4, 8, 13, 17, 40, 42, 44, 46, 48]  # of the first 18 of 40, and the first 9 of 20
    assert test.tolist() == [*range(22, 40), *range(51, 60)]
    samples, _ = profiles.choose_rows(stills, "anna", 20)
    assert samples.tolist() == [*range(18), *range(40, 49)]


def test_the_measure_is_written_for_each_person(people, tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "MANY_PEOPLE", ("ben",))
    config = {"data": {"test_sources": ["anna"]}}
    save_checkpoint(tmp_path / "fold_1.pth", LandmarkGRU(), config=config, epoch=1, metrics={"training_sources": ["ben"]})
    arguments = ["profiles.py", "--models", tmp_path, "--data", people, "--output", tmp_path / "results"]
    monkeypatch.setattr(sys, "argv", [*map(str, arguments)])
    profiles.main()
    table = (tmp_path / "results" / "profiles.md").read_text()
    assert "| anna " in table and "| ben " not in table and "J and Z as motions:" not in table

    monkeypatch.setattr(profiles, "MANY_PEOPLE", ("anna",))
    with pytest.raises(UserError, match="no model in .* was trained without ben"):
        profiles.main()


def test_everybody_elses_sources_count_the_same(people, monkeypatch):
    """A model that always reads A is right on every A of Ben, and on 40 of Anna's 71."""
    stills, _ = load_samples([people])
    model = LandmarkGRU().eval()
    with torch.no_grad():
        model.fc_output.weight.zero_()
        model.fc_output.bias[LABELS.index("A")] = 9.0
    letters = stills[stills.labels < 26]
    parts = {"own": letters, "others": letters, "no_letters": stills[stills.labels > 26], "clips": None}
    figures = profiles.figures(model, parts, [])
    assert figures["others"] == figures["held"] == pytest.approx((1 + 40 / 71) / 2)
    assert figures["no_letters"] == 1 and figures["clips"] is None
