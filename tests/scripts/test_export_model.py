import sys

import numpy as np
import onnx
import pytest
import torch

from scripts import export_model
from sign2sound import UserError
from sign2sound.checkpoint import save_checkpoint
from sign2sound.exported import OnnxModel
from sign2sound.labels import LABELS


@pytest.fixture
def export(tmp_path, model, monkeypatch):
    """Run the command on a checkpoint of `model`."""
    model.temperature = 0.8
    save_checkpoint(tmp_path / "best.pth", model, config={}, epoch=1, metrics={})

    def call(*arguments):
        command = ["export_model.py", "--model", tmp_path / "best.pth", *arguments]
        monkeypatch.setattr(sys, "argv", list(map(str, command)))
        export_model.main()

    return call


@pytest.fixture
def data(tmp_path) -> str:
    random = np.random.default_rng(1)
    landmarks = (200 + 40 * random.normal(size=(58, 21, 3))).astype(np.float32)
    landmarks[7] = np.nan
    np.savez(tmp_path / "people.npz", landmarks=landmarks, label=np.array(LABELS * 2), left_handed=random.random(58) < 0.5)
    return str(tmp_path / "people.npz")


def test_onnx(export, data, tmp_path, capsys):
    export("--data", data)
    assert "129 clips and stills read alike" in capsys.readouterr().out  # 71 made up, 58 of the data
    proto = onnx.load(tmp_path / "best.onnx")
    about = {entry.key: entry.value for entry in proto.metadata_props}
    assert about["labels"].split(" ") == list(LABELS)
    assert (about["features"], about["version"], about["temperature"]) == ("2", "0.1.0", "0.8")
    required = {entry.name for entry in proto.graph.input} - {entry.name for entry in proto.graph.initializer}
    assert required == {"landmarks", "left_handed"}


def test_a_stream_must_give_its_state_if_asked_for(export, tmp_path):
    export("--streaming", "--output", tmp_path / "stream.onnx")
    proto = onnx.load(tmp_path / "stream.onnx")
    assert not {entry.name for entry in proto.graph.input} & {entry.name for entry in proto.graph.initializer}
    still = np.ones((1, 1, 21, 3), np.float32)
    assert OnnxModel(tmp_path / "stream.onnx").read(still, np.array([False]))[0].shape == (1, 29)


def test_torchscript(export, data, tmp_path, capsys):
    export("--format", "torchscript", "--data", data)
    assert "129 clips and stills read alike" in capsys.readouterr().out
    graph = torch.jit.load(tmp_path / "best.pt")
    probabilities, state = graph(torch.rand(3, 5, 21, 3), torch.zeros(3, dtype=torch.bool), torch.zeros(1, 320))
    assert probabilities.shape == (3, 29) and state.shape == (3, 320)


def test_litert(export, data, tmp_path, capsys):
    pytest.importorskip("litert_torch", reason="needs litert-torch, which is not among the requirements")
    export("--format", "litert", "--data", data)
    assert "clips and stills read alike" in capsys.readouterr().out
    assert (tmp_path / "best.tflite").stat().st_size < 1_000_000


def test_int8_says_what_it_costs(export, data, tmp_path, capsys):
    export("--int8", "--data", data)
    assert "accuracy on 57 samples: " in capsys.readouterr().out
    assert (tmp_path / "best.onnx").stat().st_size < 300_000
    assert OnnxModel(tmp_path / "best.onnx").about["weights"] == "int8"


@pytest.mark.parametrize("wrong", ["weight", "temperature", "mirror", "stream"])
def test_an_export_that_answers_otherwise_is_not_written(export, model, tmp_path, monkeypatch, wrong):
    whole = export_model.ReaderGraph.forward

    def broken(graph, landmarks, left_handed, state):
        if wrong == "weight":
            graph.model.gru.bias_hh_l1.data[3] += 1e-2
        elif wrong == "temperature":
            graph.model.temperature = 0.81
        elif wrong == "mirror":
            left_handed = torch.zeros_like(left_handed)
        elif wrong == "stream":
            state = torch.zeros_like(state)
        return whole(graph, landmarks, left_handed, state)

    monkeypatch.setattr(export_model.ReaderGraph, "forward", broken)
    to_onnx = export_model.to_onnx
    monkeypatch.setattr(export_model, "to_onnx", lambda model, **options: to_onnx(model.with_weights({}), **options))
    with pytest.raises(UserError, match="the export answers otherwise than the model: .*; nothing is written"):
        export()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pth"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "torchscript", "--int8"], "are for --format onnx"),
        (["--int8"], "give --data of signers that the model was not trained on"),
    ],
)
def test_options_that_do_not_go_together_are_refused(export, arguments, message):
    with pytest.raises(UserError, match=message):
        export(*arguments)
