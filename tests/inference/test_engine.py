"""The engine that reads in the browser says what Python says: the same streams go through both, all answers are compared."""

import base64
import json
import shutil
import subprocess
from dataclasses import asdict
from itertools import count

import numpy as np
import pytest

from inference import session as sessions
from inference.build_site import engine_model, engine_weights
from inference.engine import engine_values, engine_words
from inference.messages import Command
from inference.session import Refused, Session, SessionOptions
from sign2sound import Hand, Speller
from sign2sound.checkpoint import load_model
from sign2sound.exported import RELEASED, open_model
from sign2sound.follower import Follower
from sign2sound.labels import LABELS, NOTHING
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import _centred, _frames
from sign2sound.speller import SpellerOptions
from sign2sound.words import Dictionary

NODE = shutil.which("node")
WIDTH, HEIGHT = 480, 360
TOLERANCE = 1e-4  # of probabilities; what is drawn or decided from them is compared as the page sees it

pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node.js: sudo apt-get install nodejs")


def hand_of(landmarks, left_handed: bool = False) -> dict:
    return {"landmarks": np.float32(landmarks).ravel().tolist(), "leftHanded": bool(left_handed)}


def python_hand(hand: dict | None) -> Hand | None:
    return hand and Hand(np.reshape(hand["landmarks"], (21, 3)), hand["leftHanded"])


def spelled(word: str, frame_rate: float, speed: float, random, start=0.0, left_handed=False) -> list[dict]:
    """Frames of the synthetic signer's hand, a little unsteady, and without it where it is out of the picture or not found;
    a left one is often taken for a right one."""
    signs = [_centred(load_prototypes()[letter]) for letter in word]
    frames = []
    for step, pose in enumerate(_frames(signs, frame_rate, speed)):
        landmarks = 90 * (pose + random.normal(0, 0.02, (21, 3))) + [WIDTH / 2, HEIGHT / 2, 0]
        there = landmarks[0, 1] < 1.2 * HEIGHT and random.random() > 0.03
        if left_handed:
            landmarks[:, 0] = WIDTH - landmarks[:, 0]
        side = left_handed and random.random() < 0.7
        time = start + step / frame_rate + random.uniform(0, 0.2 / frame_rate)
        frames.append({"time": time, "hand": hand_of(landmarks, side) if there else None})
    return frames


def made_up_session(random) -> list[dict]:
    """A user spells, types, takes suggestions, and practises."""
    script = spelled("HELLO", 30, 3, random)
    script += [{"command": {"do": "take", "index": 0}}, {"command": {"do": "take", "index": 2}}]
    for word, frame_rate, speed in (("JAZZ", 30, 1.5), ("WORLD", 24.5, 4), ("VI", 11, 0.8), ("LETTER", 60, 5)):
        start = 1 + max(item["time"] for item in script if "time" in item)
        script += spelled(word, frame_rate, speed, random, start, left_handed=speed == 4)
        commands = [{"do": "correct", "text": "e"}, {"do": "write", "text": " the quick"}, {"do": "delete"}]
        commands += [{"do": "correct", "text": ""}, {"do": "take", "index": 1}, {"do": "correct", "text": "z"}, {"do": "skip"}]
        commands += [{"do": "write", "text": "x" * 500}, {"do": "clear"}] if word == "VI" else []
        script += [{"command": command} for command in commands]
    for do, text in (("practice", "cab"), ("practice", ""), ("skip", ""), ("practice", "ivy zoo"), ("practice", "z" * 21)):
        script.append({"command": {"do": do, "text": text}})
        start = 1 + max(item["time"] for item in script if "time" in item)
        script += spelled("CAIVYZO" if text else "BD", 30, 2, random, start)
    return [*script, {"command": {"do": "spell"}}, {"command": {"do": "delete"}}]


def recorded_session(shared_data, random) -> list[dict]:
    """Real hands that draw J and Z, one after another at 30 frames/s."""
    script, time = [], 0.0
    with np.load(shared_data / "clips" / "dvorakman.npz") as clips:
        chosen = random.choice(len(clips["label"]), 12, replace=False)
        for landmarks, left_handed in zip(clips["landmarks"][chosen], clips["left_handed"][chosen], strict=True):
            for frame in landmarks:
                time += 1 / 30
                hand = None if np.isnan(frame).any() else hand_of(frame, left_handed)
                script.append({"time": time, "hand": hand})
            time += random.uniform(0, 2)
    return script


def random_reading(random) -> list[dict]:
    """Probabilities that stay for some frames each, with doubts and single frames of others."""
    shapes = [LABELS.index(label) for label in ("D", "I", "J", "Y", "Z", "del", "space")]
    time, frames = 0.0, []
    for _ in range(150):
        shown = random.choice([NOTHING, NOTHING, NOTHING, *shapes, random.integers(29)])
        for _ in range(random.geometric(0.2)):
            time += random.choice([1 / 60, 1 / 30, 1 / 12, 0.7], p=[0.3, 0.5, 0.18, 0.02]) * random.uniform(0.8, 1.2)
            other = random.integers(29)
            certain = random.uniform(0.2, 1)
            probabilities = (1 - certain) * random.dirichlet(np.full(29, 0.2))
            probabilities[other if random.random() < 0.1 else shown] += certain
            frames.append({"time": time, "probabilities": probabilities.astype(np.float32).tolist()})
    return frames


def random_hands(random) -> list[dict]:
    """Up to three hands that come, wander, grow and go."""
    numbers = count()
    open_hand = load_prototypes()["B"][0]
    hands: list[dict] = []
    frames, time = [], 0.0
    for _ in range(600):
        time += random.choice([1 / 30, 0.1])
        if len(hands) < 3 and random.random() < 0.04:
            place, size = np.append(random.uniform(50, 450, 2), 0), random.uniform(30, 120)
            hands.append({"number": next(numbers), "place": place, "size": size})
        hands = [hand for hand in hands if random.random() > 0.015]
        for hand in hands:
            hand["place"] = hand["place"] + np.append(random.normal(0, 4, 2), 0)
            hand["size"] *= np.exp(random.normal(0, 0.03))
        seen = [hand for hand in hands if random.random() > 0.02]
        seen = [hand_of(hand["size"] * open_hand + hand["place"]) | {"number": hand["number"]} for hand in seen]
        frames.append({"time": time, "hands": seen})
    return frames


def random_evidence(dictionary, random) -> list[list[list[float]]]:
    """What was spelled of words and of none, typed, sure and unsure."""
    words = []
    for kind in range(60):
        word = dictionary._words[random.integers(len(dictionary))] if kind % 4 else "".join(random.choice(LABELS[:26], 25))
        word = word[: random.integers(1, len(word) + 1)]
        evidence = np.eye(29)[[LABELS.index(letter) for letter in word]]
        if kind % 3:
            evidence += random.choice([0.3, 1, 3]) * random.dirichlet(np.full(29, 0.1), len(word))
        words.append((evidence / evidence.sum(axis=1, keepdims=True)).tolist())
    return words


@pytest.fixture(scope="module")
def checkpoint(root):
    """What the engine's weights come from."""
    return load_model(root / "checkpoints" / "best_model.pth")[0]


@pytest.fixture(scope="module")
def released():
    """What Python reads with."""
    return open_model(RELEASED)


@pytest.fixture(scope="module")
def dictionary():
    return Dictionary.load()


@pytest.fixture(scope="module")
def run(root, checkpoint, dictionary, tmp_path_factory):
    """Gives the cases to the engine in Node, and returns what it says."""

    def run(options=None, **cases):
        path = tmp_path_factory.mktemp("engine") / "cases.json"
        nothing = {"sessions": [], "readings": [], "followers": [], "evidence": []}
        engine = {
            "values": engine_values(options),
            "model": engine_model(checkpoint),
            "weights": base64.b64encode(engine_weights(checkpoint)).decode(),
            "words": engine_words(dictionary),
        }
        path.write_text(json.dumps(engine | nothing | cases))
        command = [NODE, str(root / "tests" / "inference" / "engine.mjs"), str(path)]
        answered = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert answered.returncode == 0, answered.stderr
        return json.loads(answered.stdout)

    return run


def python_answers(script, released, dictionary, monkeypatch) -> list[dict]:
    """What the server's session answers, given the hands that a landmarker found."""
    hands = {item["time"]: python_hand(item["hand"]) for item in script if "time" in item}

    class Landmarker:
        grey = False

        def track(self, frame, timestamp):
            return hands[timestamp]

        def reset(self):
            pass

        close = reset

    monkeypatch.setattr(sessions, "decode", lambda *_: np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    session = Session(SessionOptions(model=released, dictionary=dictionary), own=False)
    session._recognizer._stream_landmarker = Landmarker()
    answers = []
    for item in script:
        try:
            answer = session.command(Command(**item["command"])) if "command" in item else session.frame(b"", item["time"])
            answers.append(answer.model_dump(mode="json"))
        except Refused as error:
            answers.append({"type": "error", "message": str(error)})
    session.close()
    return answers


def assert_same_answers(found, expected):
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        where = f"answer {number}: {ours}\nexpected {theirs}"
        if theirs["type"] == "step":
            ours, theirs = dict(ours), dict(theirs)
            assert set(ours.pop("ms")) - {"server"} == set(theirs.pop("ms")), where
            assert (ours["hand"] is None) == (theirs["hand"] is None), where
            for key in ("confidence", "hold", "hand"):
                mine, yours = ours.pop(key), theirs.pop(key)
                assert mine is None or np.abs(np.subtract(mine, yours)).max() <= (1e-2 if key == "hold" else TOLERANCE), where
            shares = [share for _, share in ours.pop("top")], [share for _, share in theirs.pop("top")]
            assert np.abs(np.subtract(*shares)).max() <= TOLERANCE, where
        assert ours == theirs, where


def test_a_session_answers_as_the_server_s_does(run, released, dictionary, monkeypatch):
    script = made_up_session(np.random.default_rng(5))
    expected = python_answers(script, released, dictionary, monkeypatch)
    kinds = {answer["event"]["kind"] for answer in expected if answer.get("event")}
    assert kinds >= {"letter", "word"}
    assert {answer["type"] for answer in expected} == {"step", "state", "error"}
    assert any(answer["practice"]["right"] for answer in expected if answer.get("practice"))
    (found,) = run(sessions=[script])["sessions"]
    assert_same_answers(found, expected)


def test_real_hands_are_read_as_the_server_reads_them(run, released, dictionary, monkeypatch, shared_data):
    script = recorded_session(shared_data, np.random.default_rng(2))
    expected = python_answers(script, released, dictionary, monkeypatch)
    (found,) = run(sessions=[script])["sessions"]
    assert_same_answers(found, expected)


@pytest.mark.parametrize("options", [SpellerOptions(), SpellerOptions(begin=1.5, shortest=0, passing_share=0.6, pause=0.5)])
def test_the_speller_decides_as_python_s_does(run, options):
    readings = [random_reading(np.random.default_rng(seed)) for seed in range(4)]
    kinds = set()
    for frames, answers in zip(readings, run(options, readings=readings)["readings"], strict=True):
        speller = Speller(options)
        for frame, answer in zip(frames, answers, strict=True):
            event = speller.update(frame["time"], np.float32(frame["probabilities"]))
            kinds.add(event and event.kind)
            assert answer["event"] == (event and {key: asdict(event)[key] for key in ("kind", "text")}), frame["time"]
            assert answer["text"] == speller.text
            assert answer["progress"] == pytest.approx(speller.progress, abs=1e-6)
            if event:
                assert np.allclose(answer["evidence"], np.reshape(speller.evidence, (-1, 29)), atol=1e-6)
    assert kinds == {None, "letter", "corrected", "deleted", "word"}


def test_the_same_of_several_hands_is_followed(run):
    streams = [random_hands(np.random.default_rng(seed)) for seed in range(3)]
    for frames, answers in zip(streams, run(followers=streams)["followers"], strict=True):
        assert len(set(answers)) > 4, "the hands to follow should change"
        follower, tracked = Follower(), None
        for frame, answer in zip(frames, answers, strict=True):
            hands = {hand["number"]: python_hand(hand) for hand in frame["hands"]}
            hand = hands.get(tracked)
            if hand is None:
                hand = follower.found(list(hands.values()), frame["time"])
            elif follower.look_due(hand, frame["time"]) and follower.looked(list(hands.values()), frame["time"]):
                hand = None
            tracked = next((number for number, other in hands.items() if other is hand), None)
            assert answer == tracked, frame["time"]


def test_the_same_words_are_suggested(run, dictionary):
    evidence = random_evidence(dictionary, np.random.default_rng(0))
    expected = [dictionary.suggest(np.array(word)) for word in evidence]
    assert sum(map(bool, expected)) > 20
    assert run(evidence=evidence)["suggestions"] == expected
