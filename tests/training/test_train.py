"""The real command line, on made-up hand shapes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch

from sign2sound.checkpoint import load_checkpoint, save_checkpoint
from sign2sound.errors import UserError, run
from sign2sound.files import claim_folders
from sign2sound.model import LandmarkGRU
from training.command import parse_command
from training.config import load_config
from training.train import choose_threads, main


def command(root, processed, folder, *arguments):
    """One thread and few frames: the fastest for a set this small, and the same sums every time."""
    return {
        "args": [
            sys.executable, root / "training" / "train.py", "--config", root / "training" / "config.yaml",
            "--output", folder / "checkpoints", "--results", folder / "results",
            f"data.paths=[{processed}]", "batch_size=64", "epoch_batches=9", "sequences.share=0.4",
            "sequences.longest=16", *arguments,
        ],
        "env": {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        "cwd": folder,
        "text": True,
    }  # fmt: skip


def train(root, processed, folder, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(**command(root, processed, folder, *arguments), capture_output=True)


@pytest.fixture(scope="module")
def whole_run(root, processed, tmp_path_factory):
    """Six epochs without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    result = train(root, processed, folder, "epochs=6")
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


def test_a_run_learns_and_says_what_it_did(whole_run, is_drawn):
    folder, stdout = whole_run
    with open(folder / "results" / "history.csv") as file:
        history = list(csv.DictReader(file))
    assert len(history) == 6
    assert float(history[-1]["validation_accuracy"]) > 0.8  # 29 classes that hardly vary
    assert float(history[-1]["train_loss"]) < 0.7 * float(history[0]["train_loss"])
    assert is_drawn(folder / "results" / "curves.png")
    for part in ("210,077 parameters", "precision: ", "406 stills and 0 clips", "peak memory"):
        assert part in stdout
    about = json.loads((folder / "checkpoints" / "run.json").read_bytes())
    assert (about["epochs"], about["parameters"], about["training_sources"]) == (6, 210_077, ["processed"])
    best = max(history, key=lambda row: float(row["validation_accuracy"]))
    assert (str(about["best_epoch"]), about["best_accuracy"]) == (best["epoch"], float(best["validation_accuracy"]))
    assert about["seconds"] == float(history[-1]["seconds"]) and about["peak_memory_mib"] > 100


def test_checkpoints_are_those_promised(whole_run):
    folder, _ = whole_run
    names = sorted(path.name for path in (folder / "checkpoints").iterdir() if path.name != ".lock")
    assert names == ["best_model.pth", "checkpoint_epoch_5.pth", "latest.pth", "run.json"]
    best = load_checkpoint(folder / "checkpoints" / "best_model.pth")
    assert "optimizer_state_dict" not in best
    assert best["metrics"]["training_sources"] == ["processed"]
    assert "optimizer_state_dict" in load_checkpoint(folder / "checkpoints" / "latest.pth")


def test_a_killed_and_resumed_run_ends_with_the_same_weights(root, processed, whole_run, tmp_path):
    process = subprocess.Popen(**command(root, processed, tmp_path, "epochs=6"), stdout=subprocess.DEVNULL)
    latest = tmp_path / "checkpoints" / "latest.pth"
    deadline = time.monotonic() + 120
    while not latest.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = load_checkpoint(latest)["epoch"]
    assert 1 <= reached < 6, "the run was to be killed on its way"

    resumed = train(root, processed, tmp_path, "epochs=6", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert f"resumed after epoch {reached}" in resumed.stdout
    for name in ("latest.pth", "best_model.pth"):
        expected = load_checkpoint(whole_run[0] / "checkpoints" / name)["model_state_dict"]
        found = load_checkpoint(tmp_path / "checkpoints" / name)["model_state_dict"]
        for key, tensor in expected.items():
            assert torch.equal(tensor, found[key]), key


def test_the_best_model_is_made_again_where_a_kill_left_it_out_and_is_otherwise_left_alone(root, processed, tmp_path):
    assert train(root, processed, tmp_path, "epochs=1").returncode == 0
    best = tmp_path / "checkpoints" / "best_model.pth"
    whole = load_checkpoint(best)
    torch.save(whole | {"temperature": 2.5}, best)  # as people.py --calibrate does
    assert train(root, processed, tmp_path, "epochs=1", "--resume").returncode == 0
    assert load_checkpoint(best)["temperature"] == 2.5
    best.unlink()
    assert train(root, processed, tmp_path, "epochs=1", "--resume").returncode == 0
    again = load_checkpoint(best)
    assert again["temperature"] == whole["temperature"]
    assert all(torch.equal(again["model_state_dict"][key], tensor) for key, tensor in whole["model_state_dict"].items())


def test_what_a_kill_between_the_files_left_out_is_made_again(root, processed, tmp_path):
    """Options and key=value mixed, too."""
    arguments = ["epochs=1", "--fresh", "checkpoint_every=1"]
    assert train(root, processed, tmp_path, *arguments[::2]).returncode == 0
    leftover = tmp_path / "checkpoints" / ".latest.pth.abc.tmp"
    leftover.write_bytes(b"half")
    lost = [tmp_path / "checkpoints" / "checkpoint_epoch_1.pth", *(tmp_path / "results").glob("*.*")]
    for path in lost:
        path.unlink()
    assert train(root, processed, tmp_path, "epochs=1", "--resume", "checkpoint_every=1").returncode == 0
    assert all(path.exists() for path in lost if path.name != ".lock") and not leftover.exists()

    (tmp_path / "checkpoints" / "latest.pth").unlink()  # what older versions could leave
    assert train(root, processed, tmp_path, *arguments).returncode == 0


@pytest.fixture
def refused(root, processed, tmp_path, monkeypatch, capsys):
    """Runs the command in this process, to save time, and returns the one line it refuses with."""

    def call(*arguments, data=processed, folder=tmp_path) -> str:
        monkeypatch.setattr(sys, "argv", [str(part) for part in command(root, data, folder, *arguments)["args"][1:]])
        with pytest.raises(SystemExit) as ending:
            run(main)
        message = capsys.readouterr().err
        assert ending.value.code == 2
        assert message.count("\n") == 1, message
        return message

    return call


def test_a_finished_run_is_not_overwritten(refused, whole_run):
    assert "--resume" in refused("epochs=6", folder=whole_run[0])


def test_resuming_with_other_settings_is_refused(refused, whole_run):
    assert "learning_rate" in refused("epochs=6", "learning_rate=0.5", "--resume", folder=whole_run[0])


def not_finite(state: dict) -> dict:
    return state | {
        "state": {row: {name: value * torch.nan for name, value in own.items()} for row, own in state["state"].items()}
    }


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("optimizer_state_dict", lambda state: state | {"state": {}}),
        ("optimizer_state_dict", lambda state: state | {"state": {row: {} for row in state["state"]}}),
        ("optimizer_state_dict", not_finite),
        ("optimizer_state_dict", lambda state: None),
        ("scheduler_state_dict", lambda state: {}),
        ("random_state", lambda state: state | {"batches": torch.zeros(3)}),
        ("random_state", lambda state: {}),
        ("history", lambda rows: []),
        ("history", lambda rows: [{}] * len(rows)),
        ("epoch", lambda number: "two"),
    ],
)
def test_a_damaged_state_of_a_run_is_one_line(refused, whole_run, tmp_path, key, change):
    checkpoint = load_checkpoint(whole_run[0] / "checkpoints" / "latest.pth")
    (tmp_path / "checkpoints").mkdir()
    torch.save(checkpoint | {key: change(checkpoint[key])}, tmp_path / "checkpoints" / "latest.pth")
    assert "is damaged, so the run cannot go on" in refused("epochs=6", "--resume", folder=tmp_path)


def test_a_released_model_is_never_overwritten(refused, tmp_path):
    released = tmp_path / "checkpoints" / "best_model.pth"
    save_checkpoint(released, LandmarkGRU(), config={}, epoch=1, metrics={})
    before = released.read_bytes()
    assert "no run's" in refused()
    assert "no run's" in refused("--fresh")
    assert released.read_bytes() == before


def test_users_mistakes_end_in_one_line(refused, tmp_path):
    assert "no checkpoint" in refused("--resume")
    assert "fp16" in refused("device=cpu", "precision=fp16")
    assert "did you mean epochs?" in refused("epoch=3")
    assert "no data at" in refused(data=tmp_path / "nowhere")
    assert "the loss is nan in epoch 1" in refused("learning_rate=1e30", "epochs=2", "--fresh")
    assert "no source named alice" in refused("data.test_sources=[alice]")


@pytest.mark.parametrize(
    ("overrides", "threads"), [(["batch_size=16", "sequences.share=0"], 1), (["batch_size=16"], 4), (["sequences.share=0"], 4)]
)
def test_small_batches_of_single_frames_take_one_thread(root, overrides, threads):
    assert choose_threads(load_config(root / "training" / "config.yaml", overrides), 4) == threads


def test_two_runs_do_not_share_an_output(refused, tmp_path):
    with claim_folders(tmp_path / "results"):
        assert "another run is at work" in refused("epochs=1")


def test_an_output_that_cannot_be_written_is_found_out_before_the_work(refused, tmp_path):
    (tmp_path / "checkpoints").write_text("a file")
    assert "cannot write in" in refused("epochs=1", data=tmp_path / "never looked at")


def test_a_wrong_key_is_said_before_torch_is_imported(root, tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('imported')")
    command = [sys.executable, root / "training" / "train.py", "epoch=3", "--output", tmp_path, "seed=1"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "did you mean epochs?" in done.stderr


def test_what_a_run_writes_lies_below_its_output(root, processed, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["train.py", "--output", str(tmp_path / "mine")])
    arguments, _ = parse_command()
    assert arguments.output == arguments.results == tmp_path / "mine"
    monkeypatch.setattr(sys, "argv", ["train.py"])
    arguments, _ = parse_command()
    assert (arguments.output.parts[-2:], arguments.results.parts[-2:]) == (("checkpoints", "run"), ("results", "run"))


def test_one_class_alone_is_refused(processed, tmp_path, monkeypatch):
    folder = tmp_path / "one"
    folder.mkdir()
    index = pd.read_csv(processed / "index.csv", keep_default_na=False)
    shown = index["label"] == "A"
    index[shown].to_csv(folder / "index.csv", index=False)
    np.save(folder / "landmarks.npy", np.load(processed / "landmarks.npy")[shown])
    monkeypatch.setattr(sys, "argv", ["train.py", "--output", str(tmp_path / "out"), f"data.paths=[{folder}]"])
    with pytest.raises(UserError, match="all stills to train on show A; training needs pictures of two classes or more"):
        main()
