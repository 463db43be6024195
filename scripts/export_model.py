"""Export a checkpoint for programs without torch, or without Python, and prove that the file answers alike.

python scripts/export_model.py --model checkpoints/best_model.pth --format onnx --data landmarks clips

Inputs of the exported graph: `landmarks` float32 (N, T, 21, 3), pixels, frames 1/30 s apart, NaN in a frame without a hand;
`left_handed` bool (N). Output: `probabilities` float32 (N, 29), at the last frame with a hand, `nothing` where there is none.
A stream also gives `state` float32 (N, 320), zeros at its start, and gets `next_state` for the frames that follow.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import io
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

import sign2sound
from data.dataset import Samples, load_samples
from sign2sound.checkpoint import load_model
from sign2sound.errors import UserError, run
from sign2sound.exported import RELEASED, WEIGHTS, OnnxModel, metadata
from sign2sound.features import FRAME_RATE, MEMORY, stream_features
from sign2sound.files import atomic_write, in_project, output_file
from sign2sound.labels import LABELS
from sign2sound.model import LandmarkGRU

TOLERANCE = 1e-5  # largest difference of a probability
SUFFIXES = {"onnx": ".onnx", "torchscript": ".pt", "litert": ".tflite"}
OPSET = 17
_BATCH = 4096
_MADE_UP = 7  # clips at once

Read = Callable[[np.ndarray, np.ndarray, np.ndarray | None], tuple[np.ndarray, np.ndarray]]  # as `sign2sound.exported.Model`


class ReaderGraph(torch.nn.Module):
    """Landmarks to calibrated probabilities: the graph that is exported."""

    def __init__(self, model: LandmarkGRU):
        super().__init__()
        self.model = model

    def forward(self, landmarks: torch.Tensor, left_handed: torch.Tensor, state: torch.Tensor):
        state = state.expand(landmarks.shape[0], -1)
        features, last, memory = stream_features(landmarks, left_handed, state[:, :MEMORY])
        probabilities, state = self.model.read_features(features, last, state[:, MEMORY:])
        return probabilities, torch.cat([memory, state], dim=1)


def main() -> None:
    arguments = parse_arguments()
    model, _ = load_model(arguments.model)
    data = load_samples(arguments.data) if arguments.data else ()
    samples = [part for part in data if part is not None]
    output = arguments.output or arguments.model.with_suffix(SUFFIXES[arguments.format])

    to_onnx_form = partial(to_onnx, streaming=arguments.streaming)
    exported = {"onnx": to_onnx_form, "torchscript": to_torchscript, "litert": to_litert}[arguments.format](model)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, output.name).with_suffix(SUFFIXES[arguments.format])
        file.write_bytes(exported)
        read = open_export(file, model)
        if arguments.int8:
            check(read, model, samples)
            exported = with_int8_weights(exported)
            file.write_bytes(exported)
            print(compare_accuracy(read, open_export(file, model), samples))
        else:
            print(check(read, model, samples, one_frame=arguments.format == "litert"))
    with atomic_write(output) as target:
        target.write(exported)
    print(
        f"wrote {output}, {len(exported) / 1000:.0f} kB (checkpoint: {arguments.model.stat().st_size / 1000:.0f} kB)"
        + (f"; next: python inference/realtime_demo.py --model {output}" if output.suffix == ".onnx" else "")
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, default=in_project("checkpoints/best_model.pth"), help="checkpoint (default: %(default)s)"
    )
    parser.add_argument(
        "--format", choices=SUFFIXES, default="onnx", help="torchscript: C++; litert: phones (default: %(default)s)"
    )
    parser.add_argument(
        "--output",
        type=output_file,
        help=f"default: the checkpoint's name with the format's suffix; live use reads {RELEASED.name}",
    )
    parser.add_argument(
        "--data",
        nargs="+",
        default=(),
        metavar="PATH",
        help="processed folders or landmark files on which the answers must agree",
    )
    parser.add_argument("--int8", action="store_true", help="onnx: store weights in 8 bits; prints what that costs on --data")
    parser.add_argument(
        "--streaming", action="store_true", help="onnx: `state` must be given, for runtimes where no input may be left out"
    )
    arguments = parser.parse_args()
    if arguments.format != "onnx" and (arguments.int8 or arguments.streaming):
        raise UserError("--int8 and --streaming are for --format onnx; leave them out")
    if arguments.int8 and not arguments.data:
        raise UserError("--int8 changes answers; give --data of signers that the model was not trained on, to see by how much")
    return arguments


def to_onnx(model: LandmarkGRU, streaming: bool = False) -> bytes:
    """The ONNX file of `model`, checked by onnx. streaming: `state` has no default."""
    import onnx

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of, N and T that may not vary, is what `check` tries
        torch.onnx.export(
            ReaderGraph(model).eval(),
            _example(model),
            buffer,
            dynamo=False,  # the exporter that keeps both N and T of a GRU dynamic
            opset_version=OPSET,
            do_constant_folding=False,  # so that weights keep their names and shapes; onnxruntime folds on loading
            input_names=["landmarks", "left_handed", "state"],
            output_names=["probabilities", "next_state"],
            dynamic_axes={
                "landmarks": {0: "N", 1: "T"},
                "left_handed": {0: "N"},
                "state": {0: "N or 1"},
                "probabilities": {0: "N"},
                "next_state": {0: "N"},
            },
        )
    proto = onnx.load_from_string(buffer.getvalue())
    if not streaming:  # an input with an initial value may be left out
        start = np.zeros((1, _state_size(model)), np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(start, "state"))
    proto.doc_string = __doc__.split("\n\n")[-1].strip()
    about = {
        **metadata(),
        "version": sign2sound.__version__,
        "fingerprint": model.fingerprint,
        "temperature": repr(model.temperature),
        "hidden": str(model.sizes["hidden"]),
        "layers": str(model.sizes["layers"]),
        "frame_rate": str(FRAME_RATE),
        "weights": "float32",
    }
    onnx.helper.set_model_props(proto, about)
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString()


def with_int8_weights(exported: bytes) -> bytes:
    """The same ONNX file, each row of each weight matrix as 8-bit integers and a scale.

    onnxruntime's own dynamic quantisation leaves a GRU as it is, which here is 94 % of the weights.
    """
    import onnx

    proto = onnx.load_from_string(exported)
    matrices = [entry for entry in proto.graph.initializer if entry.name.startswith(WEIGHTS) and len(entry.dims) == 2]
    for number, matrix in enumerate(matrices):
        weights = onnx.numpy_helper.to_array(matrix)
        scales = np.maximum(np.abs(weights).max(axis=1), 1e-12) / 127
        integers = np.round(weights / scales[:, None]).astype(np.int8)
        name = matrix.name
        inputs = [f"{name}.int8", f"{name}.scales"]
        proto.graph.initializer.remove(matrix)
        proto.graph.initializer.extend(map(onnx.numpy_helper.from_array, (integers, scales.astype(np.float32)), inputs))
        proto.graph.node.insert(number, onnx.helper.make_node("DequantizeLinear", inputs, [name], axis=0))
    for entry in proto.metadata_props:
        if entry.key == "weights":
            entry.value = "int8"
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString()


def to_torchscript(model: LandmarkGRU) -> bytes:
    """The TorchScript file of `model`; its `state` must always be given."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(ReaderGraph(model).eval(), _example(model), check_trace=False), buffer)
    return buffer.getvalue()


def to_litert(model: LandmarkGRU) -> bytes:
    """The LiteRT file of `model`, for phones: it takes one frame of one stream, (1, 1, 21, 3), and its state."""
    try:
        import litert_torch
    except ImportError as error:
        raise UserError("--format litert needs its converter; pip install litert-torch ai-edge-litert") from error
    landmarks, left_handed, state = _example(model)
    inputs = {"landmarks": landmarks[:1, :1], "left_handed": left_handed[:1], "state": state[:1]}
    with tempfile.TemporaryDirectory() as folder:
        litert_torch.convert(ReaderGraph(model).eval(), sample_kwargs=inputs).export(f"{folder}/model.tflite")
        return Path(folder, "model.tflite").read_bytes()


def open_export(file: Path, model: LandmarkGRU) -> Read:
    """How the exported `file` of `model` reads."""
    if file.suffix == ".onnx":
        return OnnxModel(file).read
    if file.suffix == ".tflite":
        return _open_litert(file, model)
    graph = torch.jit.load(file)
    start = np.zeros((1, _state_size(model)), np.float32)

    @torch.inference_mode()
    def read(landmarks, left_handed, state=None):
        inputs = (landmarks, left_handed, start if state is None else state)
        with torch.jit.optimized_execution(False):  # it would optimise anew for each number of clips and frames
            return tuple(output.numpy() for output in graph(*map(torch.from_numpy, inputs)))

    return read


def _open_litert(file: Path, model: LandmarkGRU) -> Read:
    from ai_edge_litert.interpreter import Interpreter

    frame = Interpreter(str(file), num_threads=1).get_signature_runner()

    def read(landmarks, left_handed, state=None):
        state = np.zeros((len(landmarks), _state_size(model)), np.float32) if state is None else state
        rows = [
            frame(landmarks=landmarks[row : row + 1], left_handed=left_handed[row : row + 1], state=state[row : row + 1])
            for row in range(len(landmarks))
        ]
        return tuple(np.concatenate([row[name] for row in rows]) for name in ("output_0", "output_1"))

    return read


def check(read: Read, model: LandmarkGRU, samples: list[Samples], one_frame: bool = False) -> str:
    """Compare answers of an export with the model's: on made-up clips, on these as streams, and on samples.

    one_frame: it takes no more at once, so that all are read as streams, but for those that do not begin with a hand.
    Returns a line that says how far apart they are. Raises UserError where that is more than TOLERANCE, or another letter.
    """
    largest, count = 0.0, 0
    for landmarks, left_handed in (*_made_up_clips(), *_batches(samples)):
        answers = {}
        if one_frame:
            begun = ~np.isnan(landmarks[:, 0, 0, 0])  # a stream can't know its first hand before
            landmarks, left_handed = landmarks[begun], left_handed[begun]
        else:
            answers["at once"] = read(landmarks, left_handed, None)[0]
        if one_frame or len(landmarks) <= _MADE_UP and not np.isnan(landmarks[:, 0]).any():
            answers["frame by frame"] = _read_by_frame(read, landmarks, left_handed)
        expected, _ = model.read(landmarks, left_handed)
        for how, answer in answers.items():
            difference = float(np.abs(answer - expected).max())
            others = int((answer.argmax(1) != expected.argmax(1)).sum())
            if not difference <= TOLERANCE or others:
                raise UserError(
                    f"the export answers otherwise than the model: on {len(landmarks)} clips of {landmarks.shape[1]} frames, "
                    f"read {how}, by up to {difference:.1e}, expected at most {TOLERANCE:.0e}, with another letter on {others} "
                    "of them; nothing is written"
                )
            largest = max(largest, difference)
        count += len(landmarks)
    return f"{count:,} clips and stills read alike: probabilities differ by at most {largest:.1e}, the letter never"


def compare_accuracy(read: Read, other: Read, samples: list[Samples]) -> str:
    """What the other export loses on labelled samples with a hand."""
    right = np.zeros(2, int)
    count, largest = 0, 0.0
    for part in samples:
        part = part[part.found]
        for start in range(0, len(part), _BATCH):
            batch = part[start : start + _BATCH]
            answers = [one(batch.landmarks, batch.left_handed, None)[0] for one in (read, other)]
            right += [(answer.argmax(1) == batch.labels).sum() for answer in answers]
            count += len(batch)
            largest = max(largest, float(np.abs(answers[0] - answers[1]).max()))
    before, after = right / count
    return (
        f"accuracy on {count:,} samples: {before:.2%} as trained, {after:.2%} with 8-bit weights ({after - before:+.2%}); "
        f"probabilities differ by up to {largest:.3f}"
    )


def _read_by_frame(read: Read, landmarks: np.ndarray, left_handed: np.ndarray) -> np.ndarray:
    """The answers at the last frames with a hand of a stream for each clip."""
    state, answers = None, np.full((len(landmarks), len(LABELS)), np.nan, np.float32)
    for frame in range(landmarks.shape[1]):
        hands = landmarks[:, frame : frame + 1]
        probabilities, state = read(hands, left_handed, state)
        seen = ~np.isnan(hands[:, 0, 0, 0])
        answers[seen] = probabilities[seen]
    return answers


def _made_up_clips() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(0)
    for clips in (1, _MADE_UP):
        for frames in (1, 2, 16, 30):
            landmarks = (200 + 30 * random.normal(size=(clips, frames, 21, 3))).astype(np.float32)
            yield landmarks, random.random(clips) < 0.5
            landmarks = landmarks.copy()
            landmarks[:, 1:][random.random((clips, frames - 1)) < 0.3] = np.nan  # gaps, and ends without a hand
            yield landmarks, random.random(clips) < 0.5
    landmarks[:3, :5] = np.nan
    landmarks[3] = np.nan
    yield landmarks, np.zeros(clips, bool)


def _batches(samples: list[Samples]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for part in samples:
        for start in range(0, len(part), _BATCH):
            batch = part[start : start + _BATCH]
            yield batch.landmarks, batch.left_handed


def _example(model: LandmarkGRU) -> tuple[torch.Tensor, ...]:
    """Inputs to trace with, other than those that `check` tries."""
    landmarks = torch.rand(2, 3, 21, 3, generator=torch.Generator().manual_seed(0))
    return landmarks, torch.tensor([False, True]), torch.zeros(2, _state_size(model))


def _state_size(model: LandmarkGRU) -> int:
    return MEMORY + model.gru.num_layers * model.gru.hidden_size


if __name__ == "__main__":
    run(main)
