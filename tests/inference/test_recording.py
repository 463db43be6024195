import json

import numpy as np
import pytest

from inference.recording import Recording
from sign2sound import Hand, Reading, SpellerEvent, UserError
from sign2sound.recognizer import Latency


def reading(hand: Hand | None) -> Reading:
    return Reading("L" if hand else "nothing", 0.75, np.zeros(29, np.float32), hand, Latency(0.0, 0.0))


def test_landmarks_and_text_come_back_as_they_were(tmp_path):
    hand = Hand(np.arange(63).reshape(21, 3), left_handed=True)
    recording = Recording(tmp_path / "a" / "session", "camera 0")
    recording.add(reading(None), 0.0)
    recording.add(reading(hand), 0.04, SpellerEvent("letter", "L", 0.04, 0.01))
    recording.text = "L"
    recording.close()
    with np.load(tmp_path / "a" / "session" / "landmarks.npz") as kept:
        assert np.isnan(kept["landmarks"][0]).all()
        np.testing.assert_array_equal(kept["landmarks"][1], hand.landmarks)
        assert kept["landmarks"].dtype == np.float32
        assert kept["left_handed"].tolist() == [False, True] and kept["timestamps"].tolist() == [0.0, 0.04]
        assert kept["label"].tolist() == ["nothing", "L"] and kept["confidence"].tolist() == [0.75, 0.75]
    assert json.loads((tmp_path / "a" / "session" / "text.json").read_text()) == {
        "source": "camera 0",
        "text": "L",
        "events": [{"kind": "letter", "text": "L", "timestamp": 0.04, "since": 0.01}],
    }
    assert {path.name for path in (tmp_path / "a" / "session").iterdir()} == {"landmarks.npz", "text.json"}


def test_a_session_without_frames_is_empty(tmp_path):
    Recording(tmp_path / "session", "sample").close()
    with np.load(tmp_path / "session" / "landmarks.npz") as kept:
        assert kept["landmarks"].shape == (0, 21, 3) and kept["label"].shape == (0,)


def test_nothing_is_overwritten(tmp_path):
    Recording(tmp_path / "session", "sample").close()
    with pytest.raises(UserError, match="session is not empty.*new folder"):
        Recording(tmp_path / "session", "sample")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file cannot be made"):
        Recording(tmp_path / "file", "sample")
