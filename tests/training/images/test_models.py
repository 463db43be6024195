"""Image models through the real command lines, on small made pictures of eight signs, each a bar in a direction of its own."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image

from data.dataset import load_samples
from sign2sound import Recognizer
from sign2sound.checkpoint import load_checkpoint, load_model
from sign2sound.errors import UserError, run
from training import evaluate, summary, train
from training.config import load_config
from training.images.cnn import ImageCNN
from training.images.pictures import load_pictures
from training.split import split_samples
from training.tasks import ImageTask

CLASSES = list("ABCDEFGH")
PER_CLASS = 20
RECIPES_FOLDER = "training/images/recipes"
RECIPES = ("cnn128", "cnn200", "cnn200-gap", "cnn200-spatial", "cnn200-residual", "cnn200-attention", "sign-mnist", "gray64")
SIDE = 28  # the recipes' own would take minutes
QUICK = [f"model.classes={CLASSES}".replace("'", "").replace(" ", ""), "batch_size=32", "device=cpu", "precision=fp32"]


def draw(sign: int, random: np.random.Generator, side: int = SIDE) -> np.ndarray:
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    angle = np.pi * sign / len(CLASSES) + random.normal(0, 0.05)
    bar = np.abs(across * np.sin(angle) - down * np.cos(angle)) < 0.25
    grey = 60 + 150 * bar + random.normal(0, 10, (side, side))
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    random = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("made") / "bars"
    for sign, label in enumerate(CLASSES):
        (root / label).mkdir(parents=True)
        for number in range(PER_CLASS):
            Image.fromarray(draw(sign, random)).save(root / label / f"{number}.png")
    return root


def arguments(root, recipe, folder, output, *overrides) -> list[str]:
    channels = 1 if recipe in ("sign-mnist", "gray64") else 3
    paths = [
        "--config",
        root / RECIPES_FOLDER / f"{recipe}.yaml",
        "--output",
        output,
        "--results",
        output / "results",
    ]
    values = [f"data.paths=[{folder}]", f"model.input=[{SIDE},{SIDE},{channels}]", *QUICK, *overrides]
    return [str(part) for part in (*paths, *values)]


def call(monkeypatch, main, *arguments):
    monkeypatch.setattr(sys, "argv", ["program", *map(str, arguments)])
    main()


def history(output) -> list[dict]:
    with open(output / "results" / "history.csv") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_every_recipe_of_the_repository_is_a_configuration(root):
    assert {path.stem for path in (root / RECIPES_FOLDER).glob("*.yaml")} == {"base", *RECIPES}
    for path in (root / RECIPES_FOLDER / f"{name}.yaml" for name in RECIPES):
        config = load_config(path, [])
        assert ImageTask(config).make_model().labels == tuple(config.model.classes)
        assert f"--config training/images/recipes/{path.name}" in path.read_text().splitlines()[0]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_takes_some_steps(root, recipe, folder, tmp_path, monkeypatch):
    call(monkeypatch, train.main, *arguments(root, recipe, folder, tmp_path, "epochs=2"))
    assert json.loads((tmp_path / "classes.json").read_text()) == CLASSES
    assert sorted(path.name for path in tmp_path.glob("*.pth")) == ["best_model.pth", "latest.pth"]
    rows = history(tmp_path)
    assert len(rows) == 2 and all(np.isfinite(row["train_loss"]) for row in rows)
    model, checkpoint = load_model(tmp_path / "best_model.pth", ImageCNN)
    assert model.labels == tuple(CLASSES) and checkpoint["metrics"]["training_sources"] == ["bars"]
    config = load_config(root / RECIPES_FOLDER / f"{recipe}.yaml", [])
    assert checkpoint["config"]["model"]["layers"] == config.model.layers


LEARNING = ("epochs=5", "batch_size=16", "augmentation.rotation=2")


@pytest.fixture(scope="module")
def trained(root, folder, tmp_path_factory):
    """A model that has learnt, with one thread: the same sums every time."""
    output = tmp_path_factory.mktemp("trained")
    with one_thread(), pytest.MonkeyPatch.context() as monkeypatch:
        call(monkeypatch, train.main, *arguments(root, "gray64", folder, output, *LEARNING))
    return output


@contextmanager
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_a_cnn_learns(trained):
    rows = history(trained)
    assert rows[-1]["train_loss"] < 0.5 * rows[0]["train_loss"]
    assert max(row["validation_accuracy"] for row in rows) > 0.8  # of 23 pictures; 0.125 by chance


def test_a_run_killed_within_an_epoch_goes_on_as_if_it_had_never_stopped(root, folder, trained, tmp_path, monkeypatch, capsys):
    options = arguments(root, "gray64", folder, tmp_path, *LEARNING)
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, root / "training" / "train.py", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not (tmp_path / "latest.pth").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = load_checkpoint(tmp_path / "latest.pth")["epoch"]
    assert 1 <= reached < 5, "the run was to be killed on its way"

    with one_thread():
        call(monkeypatch, train.main, *options, "--resume")
    output = capsys.readouterr().out
    assert f"resumed after epoch {reached}" in output and "137 stills and 0 clips to train on, 23 stills" in output
    expected, found = (load_checkpoint(folder / "latest.pth") for folder in (trained, tmp_path))
    for key, tensor in expected["model_state_dict"].items():
        assert torch.equal(tensor, found["model_state_dict"][key]), key
    assert [row["validation_loss"] for row in expected["history"]] == [row["validation_loss"] for row in found["history"]]


def test_reports_are_those_of_landmarks(trained, folder, tmp_path, monkeypatch, is_drawn):
    call(monkeypatch, evaluate.main, "--model", trained / "best_model.pth", "--data", folder, "--output", tmp_path)
    figures = json.loads((tmp_path / "report.json").read_text())["stills"]
    best = max(history(trained), key=lambda row: row["validation_accuracy"])
    assert figures["samples"] == 23 and figures["misses"] == 0
    assert figures["accuracy_end_to_end"] == pytest.approx(best["validation_accuracy"])
    assert figures["static_letters_end_to_end"] == figures["accuracy_end_to_end"]
    assert 0 < figures["loss_given_hand"] < 1 and list(figures["classes"]) == CLASSES
    assert np.shape(figures["confusion"]) == (8, 8) and np.sum(figures["confusion"]) == 23
    assert "bars: trained on, other frames" in (tmp_path / "report.md").read_text()
    for name in ("counts", "normalised"):
        assert is_drawn(tmp_path / f"confusion_{name}.png")


def test_pictures_kept_for_testing_are_those_measured(trained, folder, tmp_path, monkeypatch):
    for part, other in (("train", folder), ("test", folder)):
        (tmp_path / "bars").mkdir(exist_ok=True)
        (tmp_path / "bars" / part).symlink_to(other)
    call(monkeypatch, evaluate.main, "--model", trained / "best_model.pth", "--data", tmp_path / "bars", "--output", tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["stills"]["samples"] == 160


def test_what_is_watched_stops_training_and_lowers_the_learning_rate(root, folder, tmp_path, monkeypatch):
    overrides = ["epochs=30", "stop_patience=2", "plateau_patience=1", "learning_rate=1e-6", "lowest_learning_rate=1e-7"]
    call(monkeypatch, train.main, *arguments(root, "sign-mnist", folder, tmp_path, *overrides, "watch=validation_accuracy"))
    rows = history(tmp_path)
    best = max(range(len(rows)), key=lambda epoch: rows[epoch]["validation_accuracy"])
    assert len(rows) == best + 1 + 2 < 30
    assert rows[-1]["learning_rate"] < rows[0]["learning_rate"]


def test_a_cyclic_learning_rate_rises_and_is_resumed(root, folder, tmp_path, monkeypatch):
    cyclic = arguments(root, "sign-mnist", folder, tmp_path, "schedule=cyclic", "learning_rate=0.001")
    call(monkeypatch, train.main, *cyclic, "epochs=1")
    call(monkeypatch, train.main, *cyclic, "epochs=2", "--resume")
    rates = [row["learning_rate"] for row in history(tmp_path)]
    assert rates == pytest.approx([0.000325, 0.00055])  # from 0.0001 to 0.001 in 4 epochs


def test_an_image_model_and_landmarks_are_split_alike(root, folder, tmp_path):
    """Both are measured on the same pictures, whichever split is asked for."""
    pictures = load_pictures([folder], CLASSES, [8, 8, 1])
    labels = [CLASSES[label] for label in pictures.labels]
    np.savez(
        tmp_path / "bars.npz",
        landmarks=np.ones((len(labels), 21, 3)), label=np.array(labels), left_handed=np.zeros(len(labels), bool),
    )  # fmt: skip
    stills, _ = load_samples([tmp_path / "bars.npz"])
    for split in ("stored", "random"):
        overrides = [f"data.split={split}"]
        landmarks = split_samples(stills, load_config(root / "training" / "config.yaml", overrides).data, seed=0)
        images = split_samples(pictures, load_config(root / RECIPES_FOLDER / "cnn128.yaml", overrides).data, seed=0)
        for expected, found in zip(landmarks, images, strict=True):
            assert (expected == found).all() and found.any()


def test_a_recognizer_refuses_an_image_model(trained):
    with pytest.raises(UserError, match="model is ImageCNN, expected LandmarkGRU"):
        Recognizer.load(trained / "best_model.pth")


def test_the_summary_shows_layers_shapes_and_parameters(root, monkeypatch, capsys):
    call(monkeypatch, summary.main, "--config", root / RECIPES_FOLDER / "cnn128.yaml")
    shown = capsys.readouterr().out
    assert "6,523,096 parameters: 6,522,648 trained and 448 batch norm statistics" in shown
    assert "[1, 32, 126, 126]" in shown and "6,422,784" in shown
    call(monkeypatch, summary.main)
    assert "210,077" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["model.layers=[convolve]"], "no layer is called 'convolve'"),
        (["model.layers=[dense]"], "does not fit an input"),
        (["model.input=[28,28]"], "model.input"),
        (["schedule=one_cycle", "hidden=3"], "2 wrong"),
        (["data.split=source", "data.validation_sources=[anna]"], "no source named anna"),
        (["data.paths=[nowhere]"], "is not a folder"),
    ],
)
def test_users_mistakes_end_in_one_line(root, folder, tmp_path, monkeypatch, capsys, overrides, reason):
    with pytest.raises(SystemExit) as ending:
        run(lambda: call(monkeypatch, train.main, *arguments(root, "sign-mnist", folder, tmp_path, *overrides)))
    message = capsys.readouterr().err
    assert ending.value.code == 2 and reason in message and message.count("\n") == 1
