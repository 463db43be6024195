import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from mediapipe.tasks.python import vision

from sign2sound import UserError
from sign2sound import landmarker as module
from sign2sound.landmarker import Landmarker, _quiet
from sign2sound.pictures import MAX_SIDE
from sign2sound.prototypes import load_prototypes
from sign2sound.recognizer import GAP
from sign2sound.signer import draw_hand, place_hand


@pytest.fixture(scope="module")
def landmarker(hand_model_file):
    with Landmarker(model_path=hand_model_file) as landmarker:
        yield landmarker


@pytest.fixture(scope="module")
def stored(shared_data):
    """Landmarks that MediaPipe gave for the pictures of `images/rooms` before, by path: of whole pictures, and where no hand
    was found in these, of padded ones."""
    with np.load(shared_data / "landmarks" / "rooms.npz") as arrays:
        return dict(zip(arrays["path"], arrays["landmarks"], strict=True))


@pytest.fixture(scope="module")
def picture(shared_data):
    """Reads a picture of `images/rooms` as RGB."""
    return lambda path: cv2.imread(str(shared_data / "images" / "rooms" / path))[..., ::-1]


FIRST_PASS = ["train/A/A0.jpg", "train/L/L0.jpg", "train/Y/Y0.jpg"]
SECOND_PASS = ["train/A/A736.jpg", "train/C/C176.jpg"]  # hands cropped tightly
THIRD_PASS = ["train/S/S400.jpg"]  # and one that the second misses
# Where the tips of the thumb (4), index (8), middle (12) and little finger (20) were seen by eye.
AGAINST_THE_LIGHT = {
    "B/B2888.jpg": {12: (125, 25)},
    "L/L2763.jpg": {4: (170, 114), 8: (116, 14)},
    "Y/Y2591.jpg": {4: (190, 60), 20: (62, 29)},
}


@pytest.mark.parametrize("path", FIRST_PASS + THIRD_PASS)
def test_a_real_hand_is_found_where_it_was_before(landmarker, stored, picture, path):
    hand = landmarker.find(picture(path))
    assert hand.found_in == (1 if path in FIRST_PASS else 3)
    np.testing.assert_allclose(hand.landmarks, stored[path], atol=0.5)  # of 224 pixels
    assert hand.landmarks.dtype == np.float32
    assert 0.5 < hand.score <= 1


@pytest.mark.parametrize("path", SECOND_PASS)
def test_a_brightened_picture_in_black_gives_nearly_the_hand_of_a_padded_one(landmarker, stored, picture, path):
    hand = landmarker.find(picture(path))
    assert hand.found_in == 2
    assert np.abs(hand.landmarks - stored[path])[:, :2].mean(axis=0).max() < 6  # of 224 pixels


@pytest.mark.parametrize("path", [*FIRST_PASS, SECOND_PASS[1]])
def test_an_unmirrored_right_hand_is_right_and_its_mirror_image_left(landmarker, picture, path):
    """All four pictures were looked at: a right hand, its palm to the camera, its thumb on the picture's right."""
    right = picture(path)
    hand = landmarker.find(right)
    mirrored = landmarker.find(right[:, ::-1])
    assert (hand.left_handed, mirrored.left_handed) == (False, True)
    back = mirrored.landmarks * np.float32([-1, 1, 1]) + np.float32([right.shape[1], 0, 0])
    palm = np.linalg.norm(hand.landmarks[9, :2] - hand.landmarks[0, :2])
    x, y, z = np.abs(back - hand.landmarks).mean(axis=0) / palm
    assert max(x, y) < 0.08 and z < 0.2  # MediaPipe is not exactly symmetric, least in depth
    assert np.abs(mirrored.landmarks - hand.landmarks)[:, 0].mean() / palm > 0.3


@pytest.mark.parametrize("pad", [(0, 0, 150, 150), (150, 150, 0, 0)])
def test_pixels_whatever_the_pictures_shape(landmarker, picture, pad):
    """A picture made wide or tall holds the same hand at the same size: x, y and z stay, but for the padding."""
    square = picture("train/L/L0.jpg")
    top, bottom, left, right = pad
    hand = landmarker.find(square)
    padded = landmarker.find(cv2.copyMakeBorder(square, top, bottom, left, right, cv2.BORDER_REPLICATE))
    difference = padded.landmarks - np.float32([left, top, 0]) - hand.landmarks
    palm = np.linalg.norm(hand.landmarks[9, :2] - hand.landmarks[0, :2])
    assert np.abs(difference).mean(axis=0).max() < 0.08 * palm
    slope = (padded.landmarks[:, 2] @ hand.landmarks[:, 2]) / (hand.landmarks[:, 2] @ hand.landmarks[:, 2])
    assert 0.85 < slope < 1.15  # z on height's scale would be 2.3 times off


def test_a_hand_against_the_light_is_rescued(landmarker, shared_data):
    """A right hand, its palm to the camera, dark before a white window, in pictures of 200 pixels."""
    for path, tips in AGAINST_THE_LIGHT.items():
        picture = cv2.imread(str(shared_data / "images" / "kaggle" / "asl_alphabet_train" / path))[..., ::-1]
        hand = landmarker.find(picture)
        assert hand.found_in == 2 and not hand.left_handed
        for landmark, place in tips.items():
            assert hand.landmarks[landmark, :2] == pytest.approx(place, abs=10), path


@pytest.mark.parametrize("path", ["rooms/train/C/C176.jpg", "kaggle/asl_alphabet_train/L/L2763.jpg"])
def test_a_large_picture_gives_the_same_hand_in_its_own_pixels(landmarker, shared_data, path):
    small = cv2.imread(str(shared_data / "images" / path))[..., ::-1]
    hand = landmarker.find(small)
    again = landmarker.find(cv2.resize(small, None, fx=10, fy=10, interpolation=cv2.INTER_CUBIC))
    assert hand.found_in == again.found_in > 1
    palm = np.linalg.norm(hand.landmarks[9, :2] - hand.landmarks[0, :2])
    assert np.abs(again.landmarks / 10 - hand.landmarks).mean(axis=0).max() < 0.05 * palm


def test_an_empty_room_stays_empty(landmarker, shared_data):
    """No pass sees a hand where there is none: the later ones ask less of the palm detector only."""
    folder = shared_data / "images" / "kaggle" / "asl_alphabet_train" / "nothing"
    for path in sorted(folder.iterdir())[::10]:
        assert landmarker.find(cv2.imread(str(path))[..., ::-1]) is None, path


def test_no_hand(landmarker):
    assert landmarker.find(np.full((120, 160, 3), 128, np.uint8)) is None
    assert landmarker.find(np.zeros((1, 1, 3), np.uint8)) is None
    assert landmarker.find(np.zeros((1, MAX_SIDE, 3), np.uint8)) is None


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((50, 50), np.uint8),
        np.zeros((50, 50, 4), np.uint8),
        np.zeros((50, 50, 3), np.float32),
        np.zeros((0, 50, 3), np.uint8),
        None,
    ],
    ids=["grey", "alpha", "float", "empty", "none"],
)
def test_other_pictures_are_refused_and_the_next_is_read(landmarker, picture, bad):
    with pytest.raises(ValueError, match=r"must be RGB, uint8 \(H, W, 3\), found"):
        landmarker.find(bad)
    assert landmarker.find(picture("train/A/A0.jpg")).found_in == 1


@pytest.mark.parametrize("shape", [(2, MAX_SIDE + 1, 3), (MAX_SIDE + 1, 2, 3)])
def test_sides_that_would_end_the_process_are_refused(landmarker, shape):
    with pytest.raises(ValueError, match=f"at most {MAX_SIDE} pixels"):
        landmarker.find(np.zeros(shape, np.uint8))


def test_video(hand_model_file, shared_data):
    capture = cv2.VideoCapture(str(shared_data / "videos" / "L.mp4"))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 40)
    hands = []
    with Landmarker(video=True, model_path=hand_model_file) as landmarker:
        for frame in range(5):
            hands.append(landmarker.track(capture.read()[1][..., ::-1], frame / 30))
        with Landmarker(model_path=hand_model_file) as stills:
            still = stills.find(capture.read()[1][..., ::-1])
        # MediaPipe takes only growing times; a stream that starts again still goes on.
        again = landmarker.track(np.zeros((720, 1280, 3), np.uint8), 0.0)
    capture.release()
    assert all(hand is not None and not hand.left_handed for hand in hands)
    assert np.abs(hands[-1].landmarks - still.landmarks)[:, :2].mean() < 15  # of 1280 pixels: she holds her hand still
    assert again is None


def test_a_missing_system_library_is_named(hand_model_file, monkeypatch):
    def cannot(_):
        raise OSError("libEGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(vision.HandLandmarker, "create_from_options", cannot)
    with pytest.raises(UserError, match=r"libEGL\.so\.1.*apt-get install libegl1 libgles2"):
        Landmarker(model_path=hand_model_file)


def test_a_missing_model_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.task: no such file"):
        Landmarker(model_path=tmp_path / "none.task")


@pytest.mark.parametrize("end", ["landmarker.close(); landmarker.close()", "", "sys.exit(3)"], ids=["closed", "not", "exit"])
def test_a_program_says_nothing_at_its_end_whether_it_closes_it_or_not(hand_model_file, shared_data, end):
    program = (
        "import sys, cv2\nfrom sign2sound import Landmarker\nlandmarker = Landmarker(model_path=sys.argv[1])\n"
        f"for path in sys.argv[2:]:\n    print(landmarker.find(cv2.imread(path)[..., ::-1]).found_in)\n{end}"
    )
    pictures = [shared_data / "images" / "rooms" / path for path in (FIRST_PASS[0], SECOND_PASS[0])]
    done = subprocess.run([sys.executable, "-c", program, hand_model_file, *pictures], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3 if "exit" in end else 0, "1\n2\n", "")


# Several hands


def two_hands(left: int, right: int) -> np.ndarray:
    """The synthetic signer's L in a square of `left` pixels and a B beside it in one of `right` pixels."""
    frame = np.full((480, 960, 3), 128, np.uint8)
    for letter, size, x in (("L", left, 0), ("B", right, 480)):
        frame[480 - size :, x : x + size] = cv2.resize(draw_hand(place_hand(load_prototypes()[letter][0])), (size, size))
    return frame


def test_two_hands_in_a_video_are_not_mixed_up(hand_model_file):
    large_left, large_right = two_hands(480, 280), two_hands(280, 480)
    sides = []
    with Landmarker(video=True, model_path=hand_model_file) as landmarker:
        for frame in range(75):
            hand = landmarker.track(large_left if frame < 15 else large_right, frame / 30)
            sides.append(hand and ("left" if hand.landmarks[:, 0].mean() < 480 else "right"))
    changes = [side for before, side in zip([None, *sides], sides, strict=False) if side != before]
    assert changes == ["left", None, "right"] and sides.count(None) == pytest.approx(GAP * 30, abs=1)


def test_threads_that_keep_quiet_at_once_give_stderr_back(capfd):
    with _quiet:
        with _quiet:
            os.write(2, b"hidden")
        os.write(2, b"hidden too")
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"


def grey(picture: np.ndarray, quality: int = 95) -> np.ndarray:
    """As a camera without colour sends it."""
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(jpeg, cv2.IMREAD_COLOR)


def test_a_grey_camera_s_frames_are_tinted_and_more_hands_found(hand_model_file, shared_data, monkeypatch):
    folder = shared_data / "images" / "kaggle" / "asl_alphabet_train"
    pictures = [grey(cv2.imread(str(min((folder / letter).iterdir())))[..., ::-1]) for letter in "BCDFGHILQUVW"]
    found = {}
    for tint in (0, module.TINT):
        monkeypatch.setattr(module, "TINT", tint)
        with Landmarker(model_path=hand_model_file, video=True) as landmarker:
            found[tint] = 0
            for picture in pictures:
                landmarker.reset()
                found[tint] += landmarker.track(picture, 0) is not None
                assert landmarker.grey
    assert found[module.TINT] >= found[0] + 4, found


def test_what_is_grey(landmarker):
    signer = draw_hand(place_hand(load_prototypes()["L"][0]), 480)
    clock = grey(signer)
    clock[:20, :60] = (255, 200, 0)  # in a corner
    mostly = grey(signer)
    mostly[:120] = signer[:120]
    pictures = {
        "grey": (grey(signer), True), "strongly compressed": (grey(signer, 20), True), "a coloured clock": (clock, True),
        "tiny": (grey(signer)[::20, ::20], True), "coloured": (signer, False), "a quarter coloured": (mostly, False),
        "covered": (np.full_like(signer, 3), False), "off": (np.zeros_like(signer), False),
    }  # fmt: skip
    for name, (picture, expected) in pictures.items():
        landmarker.find(picture)
        assert landmarker.grey == expected, name
