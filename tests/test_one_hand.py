"""One hand gives the model the same 63 numbers wherever it comes from: the test that holds training and live use together."""

import asyncio
import random

import cv2
import httpx
import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from data.dataset import load_samples
from data.preprocessing import preprocess
from inference.server import create_app
from inference.session import Session, SessionOptions
from scripts.export_model import to_onnx
from sign2sound import Recognizer
from sign2sound.exported import WEIGHTS
from sign2sound.features import clip_features
from sign2sound.hand_model import cached_path
from sign2sound.live import Live
from training.config import Augmentation, load_config
from training.tasks import task_of


@pytest.fixture
def seen(model) -> list[np.ndarray]:
    """The features (63,) of the first frame in every call of the model."""
    calls = []
    model.register_forward_pre_hook(lambda _, arguments: calls.append(arguments[0][0, 0].numpy().copy()))
    return calls


@pytest.fixture
def pictures(shared_data, tmp_path):
    """A folder of class folders; all of its pictures show one left hand."""
    picture = cv2.imread(str(shared_data / "images" / "rooms" / "train" / "L" / "L0.jpg"))[:, ::-1]
    for label in "AL":
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(4):
            cv2.imwrite(str(tmp_path / "pictures" / label / f"{number}.png"), picture)
    return tmp_path / "pictures"


async def upload(options: SessionOptions, picture: bytes) -> dict:
    """What the page's server answers to a picture."""
    app = create_app(options, frozenset({"localhost"}))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
    async with app.router.lifespan_context(app), client:
        return (await client.post("/predict", files={"image": picture})).json()


def in_exported_graph(file: bytes, landmarks: np.ndarray, left_handed: np.ndarray) -> np.ndarray:
    """What an ONNX file hands to its first layer."""
    proto = onnx.load_from_string(file)
    (turned,) = (node.output[0] for node in proto.graph.node if f"{WEIGHTS}fc_input.weight" in node.input)
    (features,) = (node.input[0] for node in proto.graph.node if turned in node.input)
    proto.graph.output.append(onnx.helper.make_tensor_value_info(features, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([features], {"landmarks": landmarks, "left_handed": left_handed})[0][0, 0]


def test_one_hand_gives_the_same_63_numbers_on_every_path(root, pictures, tmp_path, model, seen, monkeypatch):
    if not cached_path().exists():
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    path = pictures / "L" / "0.png"

    preprocess(pictures, tmp_path / "processed", split="random", workers=1)
    stills, _ = load_samples([tmp_path / "processed"])
    landmarks, sides = stills.landmarks, stills.left_handed
    assert landmarks.shape == (8, 1, 21, 3) and sides.all()
    numbers = {"preprocessing": clip_features(landmarks, sides)[0, 0]}

    unvaried = [f"augmentation.{name}=0" for name in Augmentation.model_fields]
    task = task_of(load_config(root / "training" / "config.yaml", [*unvaried, "sequences.share=0", "batch_size=4"]))
    training_set = task.make_training_set(stills, None, torch.device("cpu"))
    batch = next(task.batches(training_set, 1, random.Random(0), torch.Generator().manual_seed(0)))
    numbers["training"] = batch.features[0, 0].numpy()

    def take(name: str) -> None:
        numbers[name] = seen[-1]
        seen.clear()

    task.predict(model, stills, torch.device("cpu"))
    take("evaluation")
    with Recognizer(model) as recognizer:
        hand = recognizer.read_picture(path).hand
        take("a picture")
        Live(recognizer).update(hand, 0.0)
        take("demo, a stream")
        recognizer.predict(np.stack([hand.landmarks] * 3)[None], np.array([True]))
        take("a clip")
    options = SessionOptions(model, hand_model=cached_path())
    assert asyncio.run(upload(options, path.read_bytes()))["handedness"] == "left"
    take("page, /predict")
    session = Session(options, own=False)
    monkeypatch.setattr(
        "sign2sound.landmarker.Landmarker.track", lambda landmarker, *_: hand
    )  # video mode sees it a little apart
    session.frame(path.read_bytes(), 0.0)
    session.close()
    take("page, /stream")
    numbers["export"] = in_exported_graph(to_onnx(model), landmarks[:1], sides[:1])

    expected = numbers.pop("preprocessing")
    assert expected.shape == (63,) and not expected[:3].any() and expected[3:].all()  # at rest; a hand
    for name, found in numbers.items():
        np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=name)
