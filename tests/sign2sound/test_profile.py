import numpy as np
import pytest
import torch

from sign2sound import Recognizer, UserError, adapting
from sign2sound.adapting import adapt
from sign2sound.checkpoint import save_checkpoint
from sign2sound.labels import LABEL_IDS
from sign2sound.profile import load_profile, save_profile
from sign2sound.prototypes import load_prototypes


@pytest.fixture(autouse=True)
def little_work(monkeypatch):
    for name, value in {"_STEPS": 25, "_OWN": 16, "_OTHERS": 32}.items():
        monkeypatch.setattr(adapting, name, value)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more would wait for each other on work this small
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def hands(right_hand) -> np.ndarray:
    """Three samples of each of two hand shapes."""
    random = np.random.default_rng(0)
    shapes = np.repeat(right_hand + random.normal(0, 25, (2, 21, 3)), 3, axis=0)
    return (shapes + random.normal(0, 1, shapes.shape)).astype(np.float32)


LETTERS = ["A", "A", "A", "B", "B", "B"]


def read(model, landmarks, frames: int = 1) -> np.ndarray:
    return Recognizer(model).predict(np.repeat(landmarks[:, None], frames, axis=1))


def weights(model) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def test_the_adapted_model_reads_the_letters_as_pictures_and_held(model, hands):
    ids = [LABEL_IDS[letter] for letter in LETTERS]
    assert (read(model, hands).argmax(1) != ids).any()
    adapted = adapt(model, hands, LETTERS)
    for frames in (1, 30, 120):
        assert (read(adapted, hands, frames).argmax(1) == ids).all()


def test_answers_on_other_hands_as_before(model, hands, monkeypatch):
    others = np.stack([100 * frames[0] for frames in load_prototypes().values()])
    before = read(model, others)
    change = np.abs(read(adapt(model, hands, LETTERS), others) - before).mean()
    monkeypatch.setattr(adapting, "_KEEPING", 0.0)
    assert change < np.abs(read(adapt(model, hands, LETTERS), others) - before).mean() / 2


def test_the_model_given_stays_and_the_same_input_gives_the_same_copy(model, hands):
    before = weights(model).clone()
    one, two = (adapt(model, hands, LETTERS) for _ in range(2))
    assert torch.equal(weights(model), before)
    assert torch.equal(weights(one), weights(two)) and not torch.equal(weights(one), before)


def test_samples_without_a_hand_are_left_out_and_left_hands_are_mirrored(model, hands):
    expected = weights(adapt(model, hands, LETTERS))
    missed = np.full((1, 21, 3), np.nan)
    mirrored = hands * np.float32([-1, 1, 1])
    given = np.concatenate([hands[:3], missed, mirrored[3:]])
    left_handed = np.array([False] * 4 + [True] * 3)
    torch.testing.assert_close(weights(adapt(model, given, [*"AAAXBBB"], left_handed)), expected)


def test_one_sample_will_do(model, hands):
    adapted = adapt(model, hands[:1], ["space"])
    assert read(adapted, hands[:1]).argmax() == LABEL_IDS["space"]


@pytest.mark.parametrize(("label", "message"), [("J", "cannot adapt to J;"), ("5", "adapt to 5"), ("a", "adapt to a")])
def test_labels_that_cannot_be_adapted_to_are_refused(model, hands, label, message):
    with pytest.raises(UserError, match=message):
        adapt(model, hands[:2], ["A", label])


def test_no_hand_to_adapt_to_is_refused(model, hands):
    with pytest.raises(UserError, match="no hand in the 2 samples"):
        adapt(model, np.full((2, 21, 3), np.nan), ["A", "B"])
    with pytest.raises(UserError, match="no hand in the 0 samples"):
        adapt(model, np.empty((0, 21, 3)), [])
    for landmarks, labels in ((hands, ["A"]), (hands[:, :20], LETTERS), (hands[:, None], LETTERS)):
        with pytest.raises(ValueError, match=r"\(N, 21, 3\) with N labels"):
            adapt(model, landmarks, labels)


@pytest.fixture
def saved(tmp_path, model, hands):
    adapted = adapt(model, hands, LETTERS)
    save_profile(tmp_path / "profile.npz", adapted, model)
    return tmp_path / "profile.npz", adapted


def test_a_profile_brings_the_adapted_model_back(saved, model):
    path, adapted = saved
    before = weights(model).clone()
    model.temperature = 1.7
    loaded = load_profile(path, model)
    assert torch.equal(weights(loaded), weights(adapted))
    assert loaded.temperature == 1.7 and not loaded.training
    assert torch.equal(weights(model), before)
    assert path.stat().st_size < 300_000


def test_the_recognizer_takes_a_profile(saved, model, hands, tmp_path):
    path, adapted = saved
    save_checkpoint(tmp_path / "model.pth", model, config={}, epoch=1, metrics={})
    reader = Recognizer.load(tmp_path / "model.pth", "cpu", profile=path)
    np.testing.assert_allclose(reader.predict(hands), read(adapted, hands), atol=1e-6)
    with pytest.raises(UserError, match="no profile at"):
        Recognizer.load(tmp_path / "model.pth", "cpu", profile=tmp_path / "none.pth")


def test_another_models_profile_is_refused(saved, model):
    with torch.no_grad():
        model.gru.bias_hh_l1[3] += 1e-3
    with pytest.raises(UserError, match="profile.npz belongs to another model"):
        load_profile(saved[0], model)


def test_what_is_no_profile_is_refused(saved, model, tmp_path):
    text, checkpoint, future = (tmp_path / name for name in ("text.npz", "checkpoint.pth", "future.npz"))
    text.write_text("no profile")
    save_checkpoint(checkpoint, model, config={}, epoch=1, metrics={})
    with np.load(saved[0]) as stored:
        np.savez(future, **{**stored, "format": 99})
    for path in (text, checkpoint, future):
        with pytest.raises(UserError, match=f"{path.name} is not a profile"):
            load_profile(path, model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: {"fc_output.bias": weights["fc_output.bias"] * np.float32("nan")}, "fc_output.bias holds NaN"),
        (lambda weights: {"fc_input.bias": weights["fc_input.bias"][:5]}, "fc_input.bias is float32 .5,., expected"),
        (lambda weights: {"fc_input.bias": weights["fc_input.bias"].astype(str)}, "fc_input.bias is <U"),
        (lambda weights: {"more": np.zeros(1 << 25, np.uint8)}, "unpacks to"),
        (lambda weights: {"format": np.array([1, 2])}, "ValueError"),
    ],
)
def test_a_damaged_profile_is_refused_by_name(saved, model, tmp_path, change, message):
    with np.load(saved[0]) as stored:
        weights = dict(stored)
    np.savez_compressed(tmp_path / "bad.npz", **weights | change(weights))
    with pytest.raises(UserError, match=message):
        load_profile(tmp_path / "bad.npz", model)
