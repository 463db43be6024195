import os
import pickle
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from sign2sound import Recognizer, UserError
from sign2sound.checkpoint import load_checkpoint, load_model, save_checkpoint
from sign2sound.labels import LABELS
from sign2sound.model import LandmarkGRU

ABOUT = {"config": {"seed": 7, "epochs": 3}, "epoch": 3, "metrics": {"accuracy": 0.5}}


@pytest.fixture
def saved(tmp_path, model):
    save_checkpoint(tmp_path / "model.pth", model, **ABOUT)
    return tmp_path / "model.pth"


def changed(saved, **changes):
    """The path of a copy of a checkpoint with other values; None leaves one out."""
    checkpoint = torch.load(saved, weights_only=True) | changes
    path = saved.with_name("changed.pth")
    torch.save({name: value for name, value in checkpoint.items() if value is not None}, path)
    return path


def test_round_trip(saved, model):
    loaded, checkpoint = load_model(saved)
    assert not loaded.training
    assert {name: checkpoint[name] for name in ABOUT} == ABOUT
    assert checkpoint["labels"] == list(LABELS)
    assert checkpoint["model"] == {"name": "LandmarkGRU", "hidden": 128, "layers": 2, "dropout": 0.3}
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight)


def test_other_sizes_come_back(tmp_path):
    small = LandmarkGRU(hidden=16, layers=3, dropout=0.1)
    save_checkpoint(tmp_path / "small.pth", small, **ABOUT)
    loaded, _ = load_model(tmp_path / "small.pth")
    assert loaded.sizes == small.sizes
    assert loaded.fc_input.out_features == 16


def test_a_training_checkpoint_carries_its_optimizer_and_loads_as_a_model(tmp_path, model):
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(2, 3, 63))[0].sum().backward()
    optimizer.step()
    state = {"optimizer_state_dict": optimizer.state_dict(), "torch_random_state": torch.get_rng_state()}
    save_checkpoint(tmp_path / "latest.pth", model, **ABOUT, **state)
    _, checkpoint = load_model(tmp_path / "latest.pth")
    other = torch.optim.Adam(LandmarkGRU().parameters())
    other.load_state_dict(checkpoint["optimizer_state_dict"])
    assert other.state_dict()["state"][0]["step"] == 1
    assert torch.equal(checkpoint["torch_random_state"], state["torch_random_state"])


def test_released_size(saved):
    assert saved.stat().st_size < 1_300_000


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"format": 99}, "format is 99, expected 1"),
        ({"format": None}, "it has no `format`"),
        ({"labels": list(LABELS[:28])}, "labels is"),
        ({"labels": [*LABELS[:27], "space", "nothing"]}, "labels is"),
        ({"labels": None}, "labels is None"),
        ({"features": 1}, "features is 1, expected 2"),
        ({"features": None}, "features is None"),
        ({"model": {"name": "Transformer", "hidden": 128, "layers": 2, "dropout": 0.3}}, "model is Transformer, expected"),
        ({"model": {"name": "LandmarkGRU", "hidden": 64, "layers": 2, "dropout": 0.3}}, "size mismatch"),
        ({"model": {"name": "LandmarkGRU", "hidden": 128, "layers": 3, "dropout": 0.3}}, "Missing key"),
        ({"model": {"name": "LandmarkGRU", "hidden": "128", "layers": 2, "dropout": 0.3}}, "model sizes or weights"),
        ({"model": {"name": "LandmarkGRU", "heads": 4}}, "heads"),
        ({"model": {}}, "'name'"),
        ({"model": "LandmarkGRU"}, "model sizes or weights"),
        ({"model": None}, "'model'"),
        ({"model_state_dict": None}, "'model_state_dict'"),
        ({"model_state_dict": {}}, "Missing key"),
        ({"model_state_dict": 3}, "model sizes or weights"),
        ({"model": {"name": "LandmarkGRU", "hidden": 128, "layers": 10**7, "dropout": 0.3}}, "absurd sizes"),
        ({"model": {"name": "LandmarkGRU", "hidden": 10**9, "layers": 2, "dropout": 0.3}}, "model sizes or weights"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": "hot"}, "temperature is hot"),
        ({"metrics": [1]}, "metrics is [1]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(saved, changes, named):
    path = changed(saved, **changes)
    with pytest.raises(UserError) as refused:
        load_model(path)
    message = str(refused.value)
    assert named in message and str(path) in message
    assert "\n" not in message and len(message) < 1000


def test_one_weight_of_another_shape_is_refused(saved):
    weights = torch.load(saved, weights_only=True)["model_state_dict"]
    weights["fc_output.bias"] = torch.zeros(28)
    with pytest.raises(UserError, match=r"fc_output\.bias"):
        load_model(changed(saved, model_state_dict=weights))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(saved, value):
    weights = torch.load(saved, weights_only=True)["model_state_dict"]
    weights["fc_output.bias"][3] = value
    with pytest.raises(UserError, match="fc_output.bias holds NaN or infinity"):
        load_model(changed(saved, model_state_dict=weights))


def test_a_small_file_that_unpacks_to_more_is_refused(saved, tmp_path):
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for member in whole.infolist():
            packed.writestr(member.filename, bytes(member.file_size) if "/data/" in member.filename else whole.read(member))
    with pytest.raises(UserError, match="is not a checkpoint"):
        load_model(tmp_path / "packed.pth")


class _Code:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("what", ["random", "empty", "text", "truncated", "weights alone", "a whole model", "a list"])
def test_what_is_no_checkpoint_is_refused(saved, model, what):
    path = saved.with_name("other.pth")
    if what == "random":
        path.write_bytes(np.random.default_rng(0).bytes(10_000))
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    elif what == "truncated":
        path.write_bytes(saved.read_bytes()[:-1000])
    else:
        torch.save({"weights alone": model.state_dict(), "a whole model": model, "a list": [1, 2]}[what], path)
    with pytest.raises(UserError, match="is not a checkpoint of this program") as refused:
        load_model(path)
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("as_zip", [True, False])
def test_code_in_a_checkpoint_never_runs(tmp_path, as_zip):
    path, trace = tmp_path / "evil.pth", tmp_path / "it ran"
    evil = {"format": 1, "config": _Code(str(trace))}
    if as_zip:
        torch.save(evil, path)
    else:
        path.write_bytes(pickle.dumps(evil, protocol=2))
    with pytest.raises(UserError, match="is not a checkpoint"):
        load_checkpoint(path)
    assert not trace.exists()
    torch.load(path, weights_only=False) if as_zip else pickle.loads(path.read_bytes())
    assert trace.exists()  # it would have


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(UserError, match="no checkpoint at .*; give the path of one"):
            Recognizer.load(path)


def test_what_could_not_be_read_back_is_not_written(saved, model):
    before = saved.read_bytes()
    with pytest.raises(pickle.UnpicklingError):
        save_checkpoint(saved, model, **ABOUT | {"metrics": {"accuracy": np.float64(0.9)}})
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model.pth"]


def test_a_crash_inside_the_write_leaves_the_old_file(saved, model, monkeypatch):
    before = saved.read_bytes()
    real_save = torch.save

    def save_half(checkpoint, file):
        real_save(checkpoint, file)
        file.truncate(1000)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", save_half)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(saved, model, **ABOUT)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model.pth"]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_while_saving_over_and_over(saved):
    program = (
        "import sys\nfrom sign2sound.checkpoint import save_checkpoint\nfrom sign2sound.model import LandmarkGRU\n"
        "model = LandmarkGRU()\n"
        "for epoch in range(10**6):\n"
        "    save_checkpoint(sys.argv[1], model, config={}, epoch=epoch, metrics={})\n"
        "    print(epoch, flush=True)"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, saved], stdout=subprocess.PIPE, text=True)
    for _ in range(5):
        written = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert load_model(saved)[1]["epoch"] >= written
