"""The model as an ONNX file, read by onnxruntime: all that live use needs, without torch. scripts/export_model.py writes it."""

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sign2sound import features
from sign2sound.errors import UserError
from sign2sound.labels import LABELS
from sign2sound.protocol import Model

FORMAT = 1
_LARGEST_STATE = 1 << 17  # numbers
_LARGEST = 1 << 29  # bytes that reading one hand may take, weights included; ours takes 3 MB
RELEASED = Path(__file__).with_name("best_model.onnx")  # the released checkpoint, exported; goes with the package
WEIGHTS = "model."  # before the names of the weights, which are otherwise those of the checkpoint


def open_model(path: str | Path) -> Model:
    """The model in an `.onnx` file, or in a checkpoint; only then is torch loaded. Raises UserError when it can't be used."""
    if Path(path).suffix == ".onnx":
        return OnnxModel(path)
    if find_spec("torch") is None:
        raise UserError(f"to read {path}, a checkpoint, needs torch: python -m pip install torch; an exported .onnx does not")
    from sign2sound.checkpoint import load_model

    return load_model(path)[0]


class OnnxModel:
    """A Model read on one CPU thread: a single hand is too little work to share."""

    def __init__(self, path: str | Path, weights: dict[str, np.ndarray] | None = None):
        """weights: take the place of those in the file that have their names. Raises UserError when the file is missing, is no
        export of this program, or does not fit it."""
        self.path = Path(path)
        if not self.path.is_file():
            raise UserError(f"no model at {path}; give the path of an exported one, .onnx")
        self._weights = dict(weights or {})
        try:
            self._session = self._open(bounded=True)
        except Exception as error:  # onnxruntime raises many kinds, by what is wrong with the bytes
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
            raise UserError(f"{path} is no model that onnxruntime can read ({reason}); export it again") from error
        self.about = self._session.get_modelmeta().custom_metadata_map
        for name, expected in metadata().items():
            if self.about.get(name) != expected:
                found = str(self.about.get(name))[:100]
                raise UserError(f"{path} does not fit this program: {name} is {found}, expected {expected}; export it again")
        try:
            self.fingerprint, self.hidden = self.about["fingerprint"], int(self.about["hidden"])
            size = features.MEMORY + int(self.about["layers"]) * self.hidden
            if self.about["weights"] not in ("float32", "int8") or not 0 < float(self.about["temperature"]) < np.inf:
                raise ValueError(f"weights {self.about['weights']}, temperature {self.about['temperature']}")
            if not 0 < size <= _LARGEST_STATE:
                raise ValueError(f"a state of {size} numbers")
            self._start = np.zeros((1, size), np.float32)
            hand = np.arange(63, dtype=np.float32).reshape(1, 1, 21, 3)
            probabilities, state = self.read(hand, np.array([False]))
            if (probabilities.shape, state.shape) != ((1, len(LABELS)), self._start.shape):
                raise ValueError(f"outputs are {probabilities.shape} and {state.shape}")
            if not (np.isfinite(probabilities).all() and np.isfinite(state).all()):
                raise ValueError("its answers are no numbers")
            self._session = self._open(bounded=False)
        except Exception as error:  # onnxruntime raises many kinds, by what is missing
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
            raise UserError(f"{path} does not fit this program ({reason}); export it again") from error

    def _open(self, *, bounded: bool):
        """A session of onnxruntime. bounded: one that fails where a step takes more than _LARGEST bytes, since a small file can
        unpack to gigabytes."""
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it reports its use to its maker else; read when it is imported
        import onnxruntime as ort  # heavy: loads for those who read with it

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4 if bounded else 3  # errors; that `state` may be left out is worth a warning to it
        self._values = {}  # onnxruntime reads them where they lie, so they must stay
        for name, weight in self._weights.items():
            self._values[name] = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(weight))
            options.add_initializer(WEIGHTS + name, self._values[name])
        if bounded:
            _register_bounded_memory(ort)
            options.add_session_config_entry("session.use_env_allocators", "1")
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        # Folding computes with the weights in the file: right only where none is replaced, and worth 10 % of a step's time.
        left_out = ["ConstantFolding"] if self._weights else None
        return ort.InferenceSession(self.path, options, providers=["CPUExecutionProvider"], disabled_optimizers=left_out)

    def read(
        self, landmarks: np.ndarray, left_handed: np.ndarray, state: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `sign2sound.protocol.Model.read` says."""
        inputs = {"landmarks": landmarks, "left_handed": left_handed, "state": self._start if state is None else state}
        probabilities, state = self._session.run(["probabilities", "next_state"], inputs)
        return probabilities, state

    def to_device(self, device) -> "OnnxModel":
        """Itself, for the CPU."""
        if str(device) not in ("auto", "cpu"):
            raise UserError(f"{self.path} is read on the CPU, found device={str(device)!r}; give the .pth checkpoint for CUDA")
        return self

    def with_weights(self, weights: dict[str, np.ndarray]) -> "OnnxModel":
        """As `sign2sound.protocol.Model.with_weights` says; raises UserError with 8-bit weights."""
        self._check_whole("a profile")
        return OnnxModel(self.path, self._weights | weights)

    def check_adaptable(self) -> None:
        """Raises UserError with 8-bit weights, and where torch or onnx is missing."""
        self._check_whole("adapting to a hand")
        if not (find_spec("torch") and find_spec("onnx")):
            raise UserError("adapting to a hand needs more packages: python -m pip install torch onnx")

    def to_torch(self):
        """The weights in a `LandmarkGRU` again. Raises UserError also where some are not in the file."""
        self.check_adaptable()
        import onnx

        from sign2sound.model import LandmarkGRU

        stored = {
            initializer.name.removeprefix(WEIGHTS): onnx.numpy_helper.to_array(initializer).copy()
            for initializer in onnx.load(self.path).graph.initializer
            if initializer.name.startswith(WEIGHTS)
        }
        layers = int(self.about["layers"])
        try:
            if 24 * layers * self.hidden**2 > self.path.stat().st_size:  # bytes of the GRU's weights alone
                raise RuntimeError("a file too small for its sizes")
            model = LandmarkGRU(hidden=self.hidden, layers=layers).with_weights(stored)
            if model.fingerprint != self.fingerprint:
                raise RuntimeError("some are missing or changed")
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{self.path} does not hold the weights that it says ({reason}); export it again") from error
        model.temperature = float(self.about["temperature"])
        return model.with_weights(self._weights).eval()

    def _check_whole(self, what: str) -> None:
        if self.about["weights"] != "float32":
            raise UserError(f"{what} needs the model as it was trained, but {self.path} has {self.about['weights']} weights")


@cache  # older onnxruntimes refuse a second one
def _register_bounded_memory(ort) -> None:
    """Have at most _LARGEST bytes for all sessions with `use_env_allocators`."""
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"max_mem": _LARGEST}))


def metadata() -> dict[str, str]:
    """What an exported file must say of itself to fit this program."""
    return {"format": str(FORMAT), "labels": " ".join(LABELS), "features": str(features.VERSION)}
