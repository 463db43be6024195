"""Landmarks -> the 63 numbers that the model sees. The only normaliser in the project.

Written against the array API, so that the same lines serve numpy arrays (preprocessing, live use), torch tensors on any
device (training) and the traced graph (export).
"""

from array_api_compat import array_namespace

VERSION = 2
FEATURES = 63
FRAME_RATE = 30  # frames/s of a clip; motion is measured per frame of it
MEMORY = 64  # numbers of the state that `stream_features` passes on: whether it had a hand yet, and the newest one's 63

# The palm's size is the mean length of these bones: from the wrist to the four knuckles, and across the knuckles.
_PALM_FROM = [0, 0, 0, 0, 5]
_PALM_TO = [5, 9, 13, 17, 17]


def clip_features(landmarks, left_handed):
    """Features of clips; a still is a clip of one frame.

    landmarks: float (N, T, 21, 3) in pixels, frames 1/30 s apart, all NaN in a frame without a hand.
    left_handed: bool (N,).
    Returns (N, T, 63), same dtype: per frame the 21 landmarks, mirrored if left-handed, from the wrist, in palm sizes. In the
    wrist's place, where that would be zero, stand its motion along x and y since the frame before, in palm sizes per 1/30 s,
    and the hand's speed: how far its 21 landmarks go along x and y together, on average, in palm sizes a second. A first
    frame stands still.
    A frame without a hand repeats the one before it, or the first with a hand; a clip without any hand stays NaN.
    """
    xp = array_namespace(landmarks)
    left_handed = left_handed[:, None, None, None]
    x = xp.where(left_handed, -landmarks[..., :1], landmarks[..., :1])
    hands = _fill_gaps(xp, xp.concat([x, landmarks[..., 1:]], axis=-1))

    bones = hands[:, :, _PALM_TO, :] - hands[:, :, _PALM_FROM, :]
    lengths = xp.sqrt(xp.sum(bones * bones, axis=-1))
    palm = xp.mean(lengths, axis=-1)[:, :, None, None]
    palm = xp.where(palm < 1e-6, xp.ones_like(palm), palm)  # 21 equal points: no hand of any size, but no division by zero

    wrist = hands[:, :, :1, :]
    shape = (hands[:, :, 1:, :] - wrist) / palm
    travel = _steps(xp, wrist)[..., :2] / palm
    moved = xp.concat([travel, travel + _steps(xp, shape)[..., :2]], axis=2)
    speed = FRAME_RATE * xp.mean(xp.sum(xp.abs(moved), axis=-1, keepdims=True), axis=2, keepdims=True)
    motion = xp.concat([travel, speed], axis=-1)
    return xp.reshape(xp.concat([motion, shape], axis=2), (*landmarks.shape[:2], FEATURES))


def stream_features(landmarks, left_handed, memory):
    """Incremental form of `clip_features`, as a streaming (recurrent) model needs it: chunk by chunk, the state passed on from
    each to the next, it gives what the whole clip does.

    landmarks, left_handed: as to `clip_features`. memory: float (N, MEMORY), the state, zeros at a stream's start.
    Returns features (N, T, 63), NaN as long as there was no hand; (N,), which of these frames is the last with a hand, -1 where
    none has one; and the memory (N, MEMORY) for the frames that follow. A hand fills no gap in frames of an earlier call.
    """
    xp = array_namespace(landmarks)
    shape = (landmarks.shape[0], 1, *landmarks.shape[2:])
    before = xp.reshape(xp.where(memory[:, :1] > 0, memory[:, 1:], xp.nan), shape)
    frames = xp.concat([before, landmarks], axis=1)
    seen = ~xp.isnan(frames[:, :, 0, 0])
    place = xp.arange(frames.shape[1], device=frames.device)
    last = xp.max(xp.where(seen, place, xp.zeros_like(place)), axis=1)  # 0: the one before, or none at all

    clip = xp.arange(frames.shape[0], device=frames.device)
    met = seen[clip, last][:, None]
    newest = xp.where(met, xp.reshape(frames[clip, last], (shape[0], FEATURES)), 0.0)
    return clip_features(frames, left_handed)[:, 1:], last - 1, xp.concat([xp.astype(met, newest.dtype), newest], axis=1)


def palm_clips(landmarks, left_handed):
    """Clips, given as to `clip_features`, as right hands in palm sizes, (N, T, 21, 3), along the wrist's path from the first
    frame: other landmarks with the same features."""
    xp = array_namespace(landmarks)
    hands = xp.reshape(clip_features(landmarks, left_handed), landmarks.shape)
    path = xp.cumulative_sum(hands[:, :, :1, :2], axis=1)
    path = xp.concat([path, xp.zeros_like(path[..., :1])], axis=-1)
    return xp.concat([path, hands[:, :, 1:, :] + path], axis=2)


def _steps(xp, points):
    """How far points (N, T, K, D) went since the frame before."""
    return points - xp.concat([points[:, :1], points[:, :-1]], axis=1)


def _fill_gaps(xp, hands):
    """Put in place of every NaN frame of (N, T, 21, 3) the last frame seen before it, else the first seen after it."""
    clip = xp.arange(hands.shape[0], device=hands.device)[:, None]
    frame = xp.arange(hands.shape[1], device=hands.device)
    seen = ~xp.isnan(hands[:, :, 0, 0])  # (N, T)
    earlier = seen[:, None, :] & (frame[None, :] <= frame[:, None])  # (N, T, T): which frames were seen up to each frame
    last = xp.max(xp.where(earlier, frame, xp.full_like(frame, -1)), axis=-1)
    first = xp.argmax(xp.astype(seen, xp.int32), axis=1)[:, None]
    return hands[clip, xp.where(last < 0, first, last)]
