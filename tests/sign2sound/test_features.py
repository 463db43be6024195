import numpy as np
import pytest
import torch

from sign2sound.features import FEATURES, clip_features, palm_clips


def still(hand, left_handed=False):
    """Features (21, 3) of one hand's landmarks."""
    return clip_features(np.asarray(hand, dtype=np.float32)[None, None], np.array([left_handed])).reshape(21, 3)


def mirrored(hand, width=640):
    return hand * np.float32([-1, 1, 1]) + np.float32([width, 0, 0])


def real_hands(shared_data, count=200):
    stored = np.load(shared_data / "landmarks" / "alishlaibah.npz")  # both hands
    landmarks, left_handed = stored["landmarks"], stored["left_handed"]
    seen = np.flatnonzero(~np.isnan(landmarks[:, 0, 0]))
    chosen = np.random.default_rng(0).choice(seen, count, replace=False)
    assert 0 < left_handed[chosen].sum() < count
    return landmarks[chosen], left_handed[chosen]


def test_a_hand_worked_out_by_hand(right_hand):
    features = still(right_hand)
    np.testing.assert_allclose(features[0], 0, atol=1e-6)  # a still: the wrist does not move
    np.testing.assert_allclose(features[4], [0.5, -2, 0.25], atol=1e-6)
    np.testing.assert_allclose(features[5], [-30 / 52, -40 / 52, 0], atol=1e-6)
    np.testing.assert_allclose(features[13], [0, -30 / 52, 40 / 52], atol=1e-6)
    np.testing.assert_allclose(features[20], 0, atol=1e-6)  # it stands on the wrist


def test_place_and_size_do_not_matter(right_hand):
    expected = still(right_hand)
    np.testing.assert_allclose(still(right_hand + np.float32([300, -150, 20])), expected, atol=1e-5)
    np.testing.assert_allclose(still(right_hand * 2.5), expected, atol=1e-5)


def test_a_left_hand_is_its_mirror_image(right_hand):
    np.testing.assert_allclose(still(mirrored(right_hand), left_handed=True), still(right_hand), atol=1e-5)
    assert np.abs(still(mirrored(right_hand)) - still(right_hand)).max() > 0.5


def test_rotation_in_the_picture_is_kept(right_hand):
    quarter_turn = np.float32([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])  # x right, y down: (x, y) -> (-y, x), clockwise
    features = still(right_hand @ quarter_turn)
    np.testing.assert_allclose(features[4], [2, 0.5, 0.25], atol=1e-5)


def test_pixels_keep_the_shape_that_shares_of_a_wide_picture_lose(right_hand):
    expected = still(right_hand)
    square, wide = np.float32([640, 640, 640]), np.float32([1280, 720, 1280])
    np.testing.assert_allclose(still(right_hand / square * square), expected, atol=1e-5)
    assert np.abs(still(right_hand / wide * square) - expected).max() > 0.1


def test_motion_of_the_wrist_is_in_palms_per_frame(right_hand):
    step = np.float32([5.2, -10.4, 26])  # MediaPipe gives the wrist no depth: the step along z tells nothing
    clip = np.stack([right_hand, right_hand + step, right_hand + step, right_hand * 2 - right_hand[0] + 2 * step])
    features = clip_features(clip[None], np.array([False])).reshape(4, 21, 3)
    np.testing.assert_allclose(features[0, 0], 0, atol=1e-5)
    np.testing.assert_allclose(features[1, 0, :2], [0.1, -0.2], atol=1e-5)
    np.testing.assert_allclose(features[2, 0], 0, atol=1e-5)
    np.testing.assert_allclose(features[3, 0, :2], [0.05, -0.1], atol=1e-5)  # the palm is twice as large now
    for frame in features:
        np.testing.assert_allclose(frame[1:], still(right_hand)[1:], atol=1e-5)

    left = clip_features(mirrored(clip)[None], np.array([True])).reshape(4, 21, 3)
    np.testing.assert_allclose(left, features, atol=1e-5)


def test_speed_is_how_far_all_landmarks_go_in_palms_a_second(right_hand):
    slid = right_hand + np.float32([-15.6, 10.4, 7])  # 26 pixels: half a palm
    bent = slid.copy()
    bent[8] += np.float32([13, -39, 99])  # one of 21 fingertips goes a whole palm
    clip = np.stack([right_hand, slid, slid, bent])
    speed = clip_features(clip[None], np.array([False]))[0, :, 2]
    np.testing.assert_allclose(speed, [0, 30 / 2, 0, 30 / 21], rtol=1e-5)
    left = clip_features(mirrored(clip)[None], np.array([True]))[0, :, 2]
    np.testing.assert_allclose(left, speed, rtol=1e-5)


def test_frames_without_a_hand_repeat_the_one_before(right_hand):
    none, moved = np.full((21, 3), np.nan, dtype=np.float32), right_hand + np.float32([52, 0, 0])
    clips = np.stack([
        [none, none, right_hand, moved],  # leading
        [right_hand, none, none, moved],  # a gap
        [right_hand, moved, none, none],  # trailing
        [none, none, none, none],
        [right_hand, right_hand, right_hand, right_hand],
    ])  # fmt: skip
    features = clip_features(clips, np.zeros(5, dtype=bool)).reshape(5, 4, 21, 3)
    np.testing.assert_allclose(features[:3, :, 0, 0], [[0, 0, 0, 1], [0, 0, 0, 1], [0, 1, 0, 0]], atol=1e-5)
    shape = np.broadcast_to(still(right_hand)[1:], (4, 20, 3))
    for clip in (0, 1, 2, 4):
        np.testing.assert_allclose(features[clip, :, 1:], shape, atol=1e-5)
    assert np.isnan(features[3]).all()


def test_21_equal_points_divide_by_nothing():
    assert not still(np.full((21, 3), 5)).any()


def test_torch_and_numpy_give_the_same(shared_data):
    landmarks, left_handed = real_hands(shared_data)
    clips, sides = landmarks.reshape(20, 10, 21, 3).copy(), left_handed[::10]
    clips[0, 0] = clips[1, 4:6] = clips[2, -3:] = clips[3] = np.nan
    by_numpy = clip_features(clips, sides)
    by_torch = clip_features(torch.from_numpy(clips), torch.from_numpy(sides))
    assert by_numpy.dtype == np.float32 and by_torch.dtype == torch.float32
    assert by_numpy.shape == (20, 10, FEATURES)
    np.testing.assert_allclose(by_torch.numpy(), by_numpy, rtol=1e-6, atol=1e-6)
    assert clip_features(clips.astype(np.float64), sides).dtype == np.float64


def test_a_gradient_passes(right_hand):
    clip = torch.from_numpy(right_hand[None, None]).requires_grad_()
    clip_features(clip, torch.tensor([False])).sum().backward()
    assert torch.isfinite(clip.grad).all() and clip.grad.any()


def test_real_hands_are_of_one_size(shared_data):
    landmarks, left_handed = real_hands(shared_data)
    hands = clip_features(landmarks[:, None], left_handed).reshape(-1, 21, 3)
    bones = hands[:, [5, 9, 13, 17, 17]] - np.stack([*[np.zeros_like(hands[:, 0])] * 4, hands[:, 5]], axis=1)
    np.testing.assert_allclose(np.linalg.norm(bones, axis=-1).mean(axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("shape", [(2, 21, 3), (2, 4, 20, 3), (2, 4, 21, 2), (2, 4, 63)])
def test_other_shapes_raise(convert, shape):
    with pytest.raises((ValueError, IndexError, RuntimeError)):
        clip_features(convert(np.zeros(shape, dtype=np.float32)), convert(np.zeros(2, dtype=bool)))


def test_palm_clips_have_the_features_of_the_clips_they_come_from():
    clips = np.random.default_rng(5).normal(size=(3, 6, 21, 3)).astype(np.float32).cumsum(axis=1) * 30
    left_handed = np.array([False, True, False])
    hands = palm_clips(clips, left_handed)
    assert hands.shape == clips.shape and not hands[:, 0, 0].any()
    shape = clip_features(hands, np.zeros(3, dtype=bool))
    np.testing.assert_allclose(shape, clip_features(clips, left_handed), atol=1e-4)
    np.testing.assert_allclose(palm_clips(torch.from_numpy(clips), torch.from_numpy(left_handed)), hands, atol=1e-5)
