"""The exported model against the checkpoint's, and the recognizer on it."""

import subprocess
import sys

import numpy as np
import onnx
import pytest

from scripts.export_model import to_onnx, with_int8_weights
from sign2sound import Hand, Recognizer, UserError
from sign2sound.adapting import adapt
from sign2sound.checkpoint import load_model
from sign2sound.exported import RELEASED, OnnxModel, open_model
from sign2sound.profile import load_profile, save_profile


@pytest.fixture
def file(model, tmp_path):
    model.temperature = 1.3
    path = tmp_path / "model.onnx"
    path.write_bytes(to_onnx(model))
    return path


@pytest.fixture
def hands(right_hand) -> np.ndarray:
    """40 frames of a hand that moves and changes."""
    random = np.random.default_rng(0)
    return (right_hand + random.normal(0, 5, (40, 21, 3)) + random.normal(0, 20, (40, 1, 3))).astype(np.float32)


def test_a_recognizer_reads_an_export_like_the_checkpoint(model, file, hands):
    exported, trained = Recognizer.load(file), Recognizer(model)
    clips = np.stack([hands[:20], hands[20:]])
    clips[0, 4:6] = clips[1, -3:] = np.nan
    sides = np.array([False, True])
    np.testing.assert_allclose(exported.predict(clips, sides), trained.predict(clips, sides), atol=1e-5)
    np.testing.assert_allclose(exported.predict(hands), trained.predict(hands), atol=1e-5)
    assert exported.predict(hands[:0]).shape == (0, 29)
    for frame, hand in enumerate(hands):
        seen = None if frame == 12 else Hand(hand, left_handed=frame > 20)
        one, other = (reader.update(seen, frame / 25) for reader in (exported, trained))
        assert one.label == other.label
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)


def test_a_stream_goes_on_when_another_form_of_the_model_takes_over(model, file, hands):
    reader, expected = Recognizer(model), Recognizer(model)
    for frame, hand in enumerate(hands):
        if frame % 10 == 5:
            reader.use_model(OnnxModel(file) if frame % 20 == 5 else model)
        one, other = (recognizer.update(Hand(hand), frame / 30) for recognizer in (reader, expected))
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)


def test_a_profile_works_on_the_export(model, file, hands, tmp_path, monkeypatch):
    for name, value in {"_STEPS": 5, "_OWN": 16, "_OTHERS": 32}.items():
        monkeypatch.setattr(f"sign2sound.adapting.{name}", value)
    exported = OnnxModel(file)
    adapted = adapt(exported.to_torch(), hands[:2], ["A", "B"])
    save_profile(tmp_path / "me.npz", adapted, exported)
    expected = Recognizer(adapted).predict(hands)
    assert np.abs(expected - Recognizer(model).predict(hands)).max() > 0.01
    for one in (exported, model):
        np.testing.assert_allclose(Recognizer(load_profile(tmp_path / "me.npz", one)).predict(hands), expected, atol=1e-5)
    again = load_profile(tmp_path / "me.npz", exported).to_torch()
    np.testing.assert_allclose(Recognizer(again).predict(hands), expected, atol=1e-6)


def test_the_weights_come_back_to_be_trained(model, file):
    again = OnnxModel(file).to_torch()
    assert again.fingerprint == model.fingerprint == OnnxModel(file).fingerprint
    assert again.temperature == 1.3 and not again.training


def test_8_bit_weights_take_no_profile(model, file, tmp_path):
    small = tmp_path / "small.onnx"
    small.write_bytes(with_int8_weights(file.read_bytes()))
    for use in (lambda one: one.with_weights({}), lambda one: one.to_torch()):
        with pytest.raises(UserError, match="needs the model as it was trained, but .*small.onnx has int8 weights"):
            use(OnnxModel(small))


def changed(file, **metadata):
    proto = onnx.load(file)
    onnx.helper.set_model_props(proto, {entry.key: entry.value for entry in proto.metadata_props} | metadata)
    onnx.save(proto, file)


@pytest.mark.parametrize("name", ["format", "labels", "features"])
def test_an_export_for_another_program_is_refused_by_name(file, name):
    changed(file, **{name: "other"})
    with pytest.raises(UserError, match=f"model.onnx does not fit this program: {name} is other, expected"):
        open_model(file)


def test_what_is_no_export_is_refused(tmp_path, model, file):
    with pytest.raises(UserError, match="no model at .*none.onnx; give the path of"):
        open_model(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(UserError, match="text.onnx is no model that onnxruntime can read"):
        open_model(tmp_path / "text.onnx")
    with pytest.raises(UserError, match="is read on the CPU, found device='cuda'"):
        Recognizer.load(file, device="cuda")


def test_live_use_loads_neither_torch_nor_pandas(file):
    program = (
        "import sys, numpy as np\n"
        "from sign2sound import Hand, Recognizer, Speller\n"
        f"reader = Recognizer.load({str(file)!r})\n"
        "hand = Hand(np.arange(63).reshape(21, 3) ** 1.5)\n"
        "Speller().update(0.0, reader.update(hand, 0.0).probabilities)\n"
        "print(*({'torch', 'pandas', 'mediapipe', 'cv2', 'onnx'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (loaded.stdout.split(), loaded.stderr) == ([], "")


def test_the_model_of_the_package_is_the_released_checkpoint(root):
    released, _ = load_model(root / "checkpoints" / "best_model.pth")
    exported = OnnxModel(RELEASED)
    assert exported.fingerprint == released.fingerprint
    assert float(exported.about["temperature"]) == released.temperature


@pytest.mark.parametrize("damage", ["hidden", "layers", "temperature", "fingerprint", "weights", "output", "nan"])
def test_a_file_that_lacks_something_is_refused_by_name(tmp_path, damage):
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(RELEASED)
    for entry in proto.metadata_props:
        if entry.key == damage:
            entry.value = "nan" if damage == "temperature" else "10000000"
            if damage == "fingerprint":
                proto.metadata_props.remove(entry)
                break
    if damage == "output":
        del proto.graph.output[1]
    if damage == "nan":
        weight = next(tensor for tensor in proto.graph.initializer if tensor.name == "model.fc_output.bias")
        weight.CopyFrom(onnx.numpy_helper.from_array(np.full(29, np.nan, np.float32), weight.name))
    onnx.save(proto, tmp_path / "bad.onnx")
    with pytest.raises(UserError, match="bad.onnx does not fit this program"):
        OnnxModel(tmp_path / "bad.onnx")


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's account of memory")
def test_a_small_file_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path, file):
    proto = onnx.load(file)
    shape = onnx.numpy_helper.from_array(np.array([2**29]), "far_too_many")
    (result, _), zero = proto.graph.output, onnx.helper.make_tensor("zero", onnx.TensorProto.FLOAT, [1], [0.0])
    for node in proto.graph.node:
        for place, name in enumerate(node.output):
            if name == result.name:
                node.output[place] = "before"
    make = onnx.helper.make_node
    proto.graph.initializer.append(shape)
    proto.graph.node.append(make("ConstantOfShape", [shape.name], ["gigabytes"], value=zero))
    proto.graph.node.append(make("ReduceSum", ["gigabytes"], ["sum"], keepdims=0))
    proto.graph.node.append(make("Add", ["before", "sum"], [result.name]))
    onnx.save(proto, tmp_path / "bomb.onnx")
    assert (tmp_path / "bomb.onnx").stat().st_size < 1_000_000
    program = (
        "import sys\nfrom sign2sound.errors import run\nfrom sign2sound.exported import OnnxModel\n"
        "try:\n    run(lambda: OnnxModel(sys.argv[1]))\n"
        "finally:\n    print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"  # kB, at most so far
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "bomb.onnx"], capture_output=True, text=True)
    assert done.returncode == 2 and "bomb.onnx does not fit this program (Fail: " in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and int(done.stdout) < 500_000


@pytest.mark.parametrize("damage", ["missing", "changed", "another shape", "sizes"])
def test_weights_that_are_not_those_of_the_export_teach_nothing(file, damage):
    """It reads with what is in the graph, but is adapted by its weights, by name."""
    proto = onnx.load(file)
    weight = next(each for each in proto.graph.initializer if each.name == "model.fc_input.weight")
    values = onnx.numpy_helper.to_array(weight)
    if damage == "missing":
        weight.name = "other"
        for node in proto.graph.node:
            node.input[:] = ["other" if name == "model.fc_input.weight" else name for name in node.input]
    elif damage == "changed":
        weight.CopyFrom(onnx.numpy_helper.from_array(values + 1, weight.name))
    elif damage == "another shape":
        weight.name = "other"
        for node in proto.graph.node:
            node.input[:] = ["other" if name == "model.fc_input.weight" else name for name in node.input]
        proto.graph.initializer.append(onnx.numpy_helper.from_array(values[:5], "model.fc_input.weight"))
    onnx.save(proto, file)
    model = OnnxModel(file)
    if damage == "sizes":
        model.hidden = 1 << 16
    with pytest.raises(UserError, match="does not hold the weights that it says"):
        model.to_torch()
