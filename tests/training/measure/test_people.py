"""The real command line on made-up signers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from data.dataset import Samples
from sign2sound.checkpoint import load_checkpoint, save_checkpoint
from sign2sound.labels import LABEL_IDS, LABELS
from sign2sound.model import LandmarkGRU
from training.measure.folds import Fold
from training.measure.people import HELD, Reads, report_on, summary, temperature_of

PER_LETTER = 20
LETTERS = "ABIZD"


@pytest.fixture(scope="module")
def signers(tmp_path_factory):
    """Three signers of five letters, one with five hands that sign nothing, and clips of Z that one of them draws."""
    folder = tmp_path_factory.mktemp("signers")
    random = np.random.default_rng(0)
    shapes = random.normal(size=(len(LETTERS), 1, 21, 3))
    for name in ("anna", "bo", "cem"):
        landmarks = 100 + 50 * (shapes + 0.05 * random.normal(size=(len(LETTERS), PER_LETTER, 21, 3)))
        landmarks[0, 0] = np.nan
        labels = np.repeat(list(LETTERS), PER_LETTER).astype("<U7")
        if name == "bo":
            labels[-5:] = "nothing"
        off = np.zeros(len(labels), bool)
        np.savez(folder / f"{name}.npz", landmarks=landmarks.reshape(-1, 21, 3), label=labels, left_handed=off)
    path = 50 * np.linspace(0, 4, 30)[:, None, None] * np.array([-1, 0.5, 0])
    clips = 100 + 50 * shapes[3] + path + random.normal(size=(6, 30, 1, 1))
    (folder / "clips").mkdir()
    np.savez(folder / "clips" / "anna.npz", landmarks=clips, label=np.array(["Z"] * 6), left_handed=np.zeros(6, bool))
    return folder


def command(root, signers, folder, program, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [
            sys.executable, root / "training" / "measure" / program, "--config", root / "training" / "config.yaml",
            "--models", folder / "models", "--output", folder / "results", "--folds", "2",
            f"data.paths=[{signers},{signers / 'clips'}]", "epochs=2", "batch_size=32",
            "epoch_batches=1", "sequences.frames=200", *arguments,
        ],
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        cwd=folder,
        text=True,
        capture_output=True,
    )  # fmt: skip


def test_every_source_is_left_out_once_and_the_temperature_is_stored(root, signers, tmp_path):
    released = tmp_path / "released.pth"
    save_checkpoint(released, LandmarkGRU(), config={}, epoch=1, metrics={})
    result = command(root, signers, tmp_path, "people.py", "--calibrate", released)
    assert result.returncode == 0, result.stderr

    without = {1: ["anna"], 2: ["bo", "cem"]}  # Anna has the moving letters, and goes first
    for number, left_out in without.items():
        checkpoint = load_checkpoint(tmp_path / "models" / f"fold_{number}.pth")
        assert checkpoint["config"]["data"]["test_sources"] == left_out
        assert checkpoint["metrics"]["training_sources"] == without[3 - number]
    report = json.loads((tmp_path / "results" / "people.json").read_text())
    assert set(report["sources"]) == {"anna", "bo", "cem"}
    row = report["sources"]["anna"]
    assert (row["stills"], row["misses"]) == (79, 1)  # A, B, I and D without the miss; Z is none of the 24
    assert row["end_to_end"] == pytest.approx(row["given_hand"] * 79 / 80)
    assert 0 <= row["held_three"] <= 1
    assert report["no_letters"]["bo"]["hands"] == 5
    assert report["moving"]["anna"]["Z"][1] == 6
    assert set(report["frame_rates"]["anna"]) == {"15", "30", "60"}
    assert load_checkpoint(released)["temperature"] == report["temperature"]

    kept, lost = (tmp_path / "models" / f"fold_{number}.pth" for number in (1, 2))
    before = kept.stat().st_mtime_ns
    lost.unlink()
    assert command(root, signers, tmp_path, "people.py").returncode == 0
    assert lost.exists() and kept.stat().st_mtime_ns == before  # what was there is not done again

    changed = command(root, signers, tmp_path, "people.py", "learning_rate=0.1")
    assert changed.returncode == 2 and "another configuration" in changed.stderr and changed.stderr.count("\n") == 1


def test_an_ablation_names_each_variant(root, signers, tmp_path):
    (tmp_path / "variants.yaml").write_text("all of it: []\nanother seed: [seed=1]\n")
    result = command(root, signers, tmp_path, "ablation.py", "--variants", tmp_path / "variants.yaml")
    assert result.returncode == 0, result.stderr
    assert "| another seed |" in (tmp_path / "results" / "ablation.md").read_text()
    assert set(json.loads((tmp_path / "results" / "ablation.json").read_text())) == {"all of it", "another seed"}
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["all_of_it", "another_seed"]


def reads(name: str, confidence: float, right: int, wrong: int) -> Reads:
    """Stills of A of which `right` are read as A and `wrong` as B, all with the same confidence."""
    count = right + wrong
    labels = np.full(count, LABEL_IDS["A"])
    off, names = np.zeros(count, bool), np.full(count, name)
    stills = Samples(np.zeros((count, 1, 21, 3), np.float32), labels, off, ~off, off, names, names, np.ones(count, int), ~off)
    probabilities = torch.full((count, len(LABELS)), (1 - confidence) / (len(LABELS) - 1))
    probabilities[torch.arange(count), torch.tensor([0] * right + [1] * wrong)] = confidence
    logits = probabilities.log()
    held = {figure: logits for figure in HELD}
    none = torch.zeros(0, len(LABELS))
    return Reads(name, Fold(Path(name), [name], LandmarkGRU()), stills, None, logits, held, none, np.array([0]))


def test_temperature_cools_the_overconfident_and_warms_the_timid():
    assert temperature_of([reads("one", 0.99, 80, 20)]) > 1.2
    assert temperature_of([reads("one", 0.70, 99, 1)]) < 0.9


def test_sources_count_the_same_whatever_their_size():
    report = report_on([reads("small", 0.9, 5, 5), reads("large", 0.9, 300, 0)])
    assert report["given_hand"]["mean"] == pytest.approx(0.75)
    assert report["given_hand"]["worst_tenth"] == pytest.approx(0.5)
    assert report["sources"]["small"]["end_to_end"] == pytest.approx(5 / 11)
    confused = report["confusion"]["A"]
    assert (confused[LABEL_IDS["A"]], confused[LABEL_IDS["B"]], sum(confused)) == pytest.approx((0.75, 0.25, 1))


def test_the_worst_tenth_is_a_mean_over_the_worst_sources():
    found = summary([0.9, 0.5, 0.7, *[1.0] * 17])  # 20 sources, so two are the worst
    assert found == pytest.approx({"mean": 19.1 / 20, "median": 1.0, "worst_tenth": 0.6})
    assert summary([0.9, 0.5])["worst_tenth"] == 0.5
