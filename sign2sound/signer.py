"""A synthetic signer: draws a hand from 3-D landmarks and spells words with it, for trying everything without a camera.

The hand is a set of tapered capsules seen from straight ahead. Their depths melt into one surface, which is lit by one soft
light, darkened in its hollows and given a little skin texture: real enough for MediaPipe, which looks for hands, not for lines.
"""

import string
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from sign2sound.errors import UserError
from sign2sound.prototypes import MOTION_RATE, load_prototypes

PALM = 0.21  # of the picture's size: wrist to knuckles

SPEED = 0.8  # letters/s, comfortable to follow
SPEEDS = (0.5, 6.0)  # letters/s, slowest and fastest
MOVE = 0.35  # seconds from a letter to the next, or half of a letter's time where that is shorter; it is held for the rest
RISE = 0.5  # seconds up from below the picture, and down again
AWAY = 0.3  # seconds out of the picture between equal letters, when spelling slowly

_LONGEST_MOTION = 1.5  # of a letter's time; J and Z are drawn faster if they must
_SLIDE = np.float32([-0.8, 0, 0])  # palm sizes; away from the body
_OUT = np.float32([0.3, 4.0, 0])  # palm sizes; from the middle to below the picture

_FINGERS = ((5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
_CHAINS = ((0, 1, 2, 3, 4), *((0, *finger) for finger in _FINGERS))
_KNUCKLES = [5, 9, 13, 17]
# The hand's parts, tapered capsules: their two ends, landmarks or places of `_with_inner_points`, and the radius at each, in
# palm sizes; those of an adult's hand by eye.
_PARTS = (
    *((21 + k, 24 + k, 0.18, 0.3) for k in range(3)),  # the forearm
    *((27 + k, _KNUCKLES[k], 0.17, 0.14) for k in range(4)),  # the palm
    *((a, b, 0.125, 0.125) for a, b in pairwise(_KNUCKLES)),
    (27, 2, 0.19, 0.15),
    (1, 2, 0.19, 0.145),
    (2, 31, 0.12, 0.14),  # the web between thumb and palm
    (2, 3, 0.14, 0.12),
    (3, 4, 0.12, 0.1),
    *(
        (start, end, r * thick, s * thick)
        for finger, thick in zip(_FINGERS, (1.05, 1.08, 1.03, 0.9), strict=True)
        for (start, end), (r, s) in zip(pairwise(finger), ((0.13, 0.113), (0.115, 0.1), (0.1, 0.086)), strict=True)
    ),
)
_NAIL_RADII = (0.105, 0.09, 0.092, 0.088, 0.077)  # palm sizes; thumb to little finger
_BONES = [(list(start), list(end)) for start, end in pairwise(zip(*_CHAINS, strict=True))]  # the five chains side by side

_FAR = np.float32(1e4)  # the depth where there is no hand
_SKIN, _SHADOW = np.array([216, 163, 137]), np.array([104, 54, 42])
_TONE_STEPS = 200  # of the 256 tones, those from no light to full light; the rest are brighter still
_TONES = np.clip(_SHADOW + (_SKIN - _SHADOW) * np.arange(256)[:, None] / _TONE_STEPS, 0, 255).astype(np.uint8)
_LIGHT = np.float32([-0.45, -0.6, -0.66])  # towards the lamp: upper left, behind the camera


def draw_hand(landmarks: np.ndarray, size: int = 480) -> np.ndarray:
    """A picture of a right hand and its forearm before a blurred room: RGB uint8 (size, size, 3).

    landmarks: (21, 3) in pixels, MediaPipe's order, z on x's scale and negative towards the camera. What lies outside the
    picture is cut off.
    """
    landmarks = np.asarray(landmarks, np.float32)
    palm = _palm_size(landmarks)
    capsules = _capsules(landmarks, palm)
    low = np.min([np.minimum(a[:2] - r, b[:2] - s) for a, b, r, s in capsules], axis=0)
    high = np.max([np.maximum(a[:2] + r, b[:2] + s) for a, b, r, s in capsules], axis=0)
    margin = 0.06 * palm  # for the soft edge
    left, top = np.clip(np.floor(low - margin), 0, size).astype(int)
    right, bottom = np.clip(np.ceil(high + margin), 0, size).astype(int)
    picture = _room(size).copy()
    box = picture[top:bottom, left:right]
    if left < right and top < bottom:
        depth = _depth(capsules, left, top, right, bottom, blend=0.06 * palm)
        light, opacity = _shade(depth, palm)
        light *= _skin_texture(size)[: bottom - top, : right - left]
        _paint_nails(light, depth, landmarks - np.float32([left, top, 0]), palm)
        skin = _TONES.take(np.clip(_TONE_STEPS * light, 0, 255).astype(np.uint8), axis=0)
        box[:] = cv2.blendLinear(skin, box.copy(), opacity, 1 - opacity)
    return picture


def place_hand(pose: np.ndarray, size: int = 480, palm: float = PALM) -> np.ndarray:
    """Landmarks (21, 3), pixels, of a pose (21, 3) in palm sizes, in the middle of a picture; palm: its share of the size."""
    return _centred(pose) * (palm * size) + np.float32([size / 2, size / 2, 0])


def sign_word(word: str, size: int = 480, frame_rate: float = 25, speed: float = SPEED) -> Iterator[tuple[np.ndarray, float]]:
    """A right hand spelling `word`: RGB frames, uint8 (size, size, 3), and their times in seconds, from 0 on.

    word: letters, in any case, and spaces. speed: letters/s, 0.5 to 6. The hand comes up, holds each letter, moves on, slides
    aside between two equal letters, or leaves the picture for a moment when it spells slowly, and goes down. Raises UserError
    when the word is empty or has another character, and for another speed.
    """
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise UserError(f"a speed of {speed:g} letters/s; the synthetic signer spells {SPEEDS[0]:g} to {SPEEDS[1]:g}")
    wrong = sorted(set(word.upper()) - set(string.ascii_uppercase + " "))
    if wrong or not word.strip():
        found = f"cannot spell {', '.join(map(repr, wrong))}" if wrong else "no word to spell"
        raise UserError(f"{found}; the synthetic signer spells the letters A to Z and spaces")
    prototypes = load_prototypes()
    signs = [prototypes["space" if character == " " else character] for character in word.upper()]
    middle = np.float32([size / 2, size / 2, 0])
    return (
        (draw_hand(landmarks * (PALM * size) + middle, size), step / frame_rate)
        for step, landmarks in enumerate(_frames(signs, frame_rate, speed))
    )


def signer_data() -> dict:
    """The synthetic signer as JSON, for who draws it elsewhere, as the page does in `inference/page/signer.js`.

    signs: label -> poses, T lists of 21 x (x, y, z), in palm sizes about the middle, 1/`motion_rate` s apart. chains: landmarks
    of thumb and fingers, from the wrist. parts: see `_PARTS`; nails: their radii, from thumb to little finger. skin, shadow:
    RGB. All others as in this module: seconds and palm sizes.
    """
    return {
        "signs": {label: np.round(_centred(poses), 4).tolist() for label, poses in load_prototypes().items()},
        "chains": _CHAINS,
        "parts": _PARTS,
        "nails": _NAIL_RADII,
        "skin": _SKIN.tolist(),
        "shadow": _SHADOW.tolist(),
        "motion_rate": MOTION_RATE,
        "longest_motion": _LONGEST_MOTION,
        "move": MOVE,
        "rise": RISE,
        "away": AWAY,
        "slide": _SLIDE.tolist(),
        "out": _OUT.tolist(),
    }


def _frames(signs: list[np.ndarray], frame_rate: float, speed: float) -> Iterator[np.ndarray]:
    """Landmarks (21, 3) of every frame, in palm sizes from the picture's middle."""
    seconds, poses = zip(*_key_poses([_centred(sign) for sign in signs], speed), strict=True)
    times = np.cumsum(seconds)
    for step in range(int(times[-1] * frame_rate) + 1):
        time = step / frame_rate
        after = min(int(np.searchsorted(times, time, side="right")), len(times) - 1)
        share = min((time - times[after - 1]) / seconds[after], 1.0)
        sway = np.float32([0.03 * np.sin(2.1 * time), 0.02 * np.sin(1.7 * time + 1), 0])
        yield _between(poses[after - 1], poses[after], share * share * (3 - 2 * share)) + sway


def _key_poses(signs: list[np.ndarray], speed: float) -> Iterator[tuple[float, np.ndarray]]:
    """Poses to pass through, and the seconds to get to each from the one before."""
    way = min(MOVE, 0.5 / speed)
    hold = 1 / speed - way
    before, aside = None, 0 * _SLIDE
    for sign in signs:
        again = before is not None and np.array_equal(sign, before)
        if before is None:
            yield 0.0, sign[0] + _OUT
            yield RISE, sign[0]
        elif again and way == MOVE:
            yield way, before[-1] + _OUT
            yield AWAY, sign[0] + _OUT
            yield way, sign[0]
        else:
            aside = _SLIDE - aside if again else 0 * _SLIDE
            yield way, sign[0] + aside
        for pose in sign[1:]:
            yield min(1 / MOTION_RATE, _LONGEST_MOTION / speed / len(sign)), pose + aside
        yield hold if len(sign) == 1 else hold / 2, sign[-1] + aside
        before = sign
    yield RISE, before[-1] + _OUT


def _centred(poses: np.ndarray) -> np.ndarray:
    """Poses (..., 21, 3) moved so that the middle of all they cover is at 0."""
    points = poses[..., :2].reshape(-1, 2)
    return poses - np.append((points.min(axis=0) + points.max(axis=0)) / 2, 0).astype(np.float32)


def _between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """The hand on the way from `a` to `b`: joints turn, so bones keep their lengths and fingers do not cut through the palm."""
    palm_a, bones_a = _joints(a)
    palm_b, bones_b = _joints(b)
    turn, _ = cv2.Rodrigues(share * cv2.Rodrigues(palm_b @ palm_a.T)[0])
    frames = np.repeat((turn @ palm_a)[None], 5, axis=0)
    landmarks = np.empty((21, 3))
    landmarks[0] = a[0] + share * (b[0] - a[0])
    for bone, (start, end) in enumerate(_BONES):
        direction = _turned(bones_a[bone], bones_b[bone], share)
        landmarks[end] = landmarks[start] + (frames @ direction[..., None])[..., 0]
        frames = frames @ _turns_to(direction)
    return landmarks.astype(np.float32)


def _joints(landmarks: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The palm's rotation (3, 3), and the bones of thumb and fingers from wrist to tip: 4 x (5, 3), each seen from the last."""
    up = _unit(landmarks[9] - landmarks[0])
    normal = _unit(np.cross(up, landmarks[17] - landmarks[5]))
    palm = np.stack([np.cross(up, normal), up, normal], axis=1).astype(np.float64)
    frames = np.repeat(palm[None], 5, axis=0)
    bones = []
    for start, end in _BONES:
        bones.append(((landmarks[end] - landmarks[start])[:, None] @ frames)[:, 0])
        frames = frames @ _turns_to(bones[-1])
    return palm, bones


def _turns_to(bones: np.ndarray) -> np.ndarray:
    """The smallest rotations (5, 3, 3) that take "straight on", (0, 1, 0), to the directions of bones (5, 3)."""
    x, y, z = (bones / np.linalg.norm(bones, axis=1, keepdims=True)).T
    k = 1 / np.maximum(1 + y, 1e-6)
    rows = [[1 - k * x * x, x, -k * x * z], [-x, y, -z], [-k * x * z, z, 1 - k * z * z]]
    return np.moveaxis(np.array(rows), -1, 0)


def _turned(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Vectors (..., 3) on the way from `a` to `b` along arcs."""
    length_a, length_b = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    a, b = a / length_a, b / length_b
    angle = np.arccos(np.clip((a * b).sum(axis=-1, keepdims=True), -1, 1))
    sine = np.maximum(np.sin(angle), 1e-6)
    arc = np.where(angle < 1e-3, a + share * (b - a), (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / sine)
    return arc * (length_a + share * (length_b - length_a))


def _palm_size(landmarks: np.ndarray) -> float:
    bones = np.vstack([landmarks[_KNUCKLES] - landmarks[0], landmarks[17] - landmarks[5]])
    return float(np.linalg.norm(bones, axis=1).mean())


def _capsules(points: np.ndarray, palm: float) -> list[tuple[np.ndarray, np.ndarray, float, float]]:
    """The hand's parts: two ends (3,) and the radius at each, all in pixels."""
    points = _with_inner_points(points, palm)
    return [(points[a], points[b], r * palm, s * palm) for a, b, r, s in _PARTS]


def _with_inner_points(points: np.ndarray, palm: float) -> np.ndarray:
    """Landmarks (21, 3) and behind them the ends of _PARTS that are no landmarks, 32 in all."""
    wrist = points[0]
    across = _unit(points[17] - points[5])
    thumb_side, little_side = wrist - 0.13 * palm * across, wrist + 0.13 * palm * across

    up = _unit(points[9] - wrist)
    arm = _unit(np.float32([0, 0.8, 0]) - up * np.float32([0.6, 0.6, 0.2]))  # between on from the palm and straight down
    side = np.cross(arm, np.float32([0, 0, 1]))
    side = side * np.sign(side @ across)
    elbow = wrist + 5 * palm * arm

    inner = [wrist + k * 0.11 * palm * across for k in (-1, 0, 1)]
    inner += [elbow + k * 0.2 * palm * side for k in (-1, 0, 1)]
    inner += [thumb_side + (little_side - thumb_side) * k / 3 for k in range(4)]
    inner.append((points[5] + thumb_side) / 2)
    return np.concatenate([points, inner]).astype(np.float32)


def _depth(capsules, left: int, top: int, right: int, bottom: int, blend: float) -> np.ndarray:
    """Depth, float32, of the capsules' front in a box of the picture, melted together over `blend` pixels of depth."""
    depth = np.full((bottom - top, right - left), _FAR, np.float32)
    for a, b, r, s in capsules:
        x0, y0 = np.maximum(np.floor(np.minimum(a[:2] - r, b[:2] - s)).astype(int), (left, top))
        x1, y1 = np.minimum(np.ceil(np.maximum(a[:2] + r, b[:2] + s)).astype(int) + 1, (right, bottom))
        if x0 >= x1 or y0 >= y1:
            continue
        x, y = np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32)[:, None]
        front = _capsule_front(a, b, np.float32(r), np.float32(s), x, y)
        view = depth[y0 - top : y1 - top, x0 - left : x1 - left]
        share = np.clip(0.5 + 0.5 * (view - front) / blend, 0, 1)
        view += (front - view) * share - blend * share * (1 - share)  # https://iquilezles.org/articles/smin, quadratic
    return depth


def _capsule_front(a, b, r, s, x, y) -> np.ndarray:
    """Depth of a tapered capsule's front at pixels x (W,), y (H, 1), or _FAR.

    The ray against the two end balls and the cone that touches both: https://iquilezles.org/articles/intersectors, "rounded
    cone", with the rays along z.
    """
    with np.errstate(invalid="ignore"):  # a root of a negative number: the ray misses
        from_a = (x - a[0]) ** 2 + (y - a[1]) ** 2
        from_b = (x - b[0]) ** 2 + (y - b[1]) ** 2
        balls = np.fmin(a[2] - np.sqrt(r * r - from_a), b[2] - np.sqrt(s * s - from_b))
        balls = np.fmin(balls, _FAR)
        axis, taper = b - a, r - s
        length2 = axis @ axis
        cone2 = length2 - taper * taper
        k2 = cone2 - axis[2] ** 2
        if cone2 <= 0 or k2 <= 1e-6:  # one ball within the other, or seen along the axis
            return balls
        along = axis[0] * (x - a[0]) + axis[1] * (y - a[1]) - axis[2] * a[2]
        k1 = -cone2 * a[2] - along * axis[2] + axis[2] * taper * r
        k0 = cone2 * (from_a + a[2] ** 2) - along * along + along * (2 * taper * r) - length2 * r * r
        cone = (-np.sqrt(k1 * k1 - k0 * k2) - k1) / k2
        height = along - r * taper + cone * axis[2]
        return np.where((height > 0) & (height < cone2), np.fmin(balls, cone), balls)


def _shade(depth: np.ndarray, palm: float) -> tuple[np.ndarray, np.ndarray]:
    """Light, around 0 to 1, and opacity, 0 to 1, of the surface at `depth`, both float32 (H, W)."""
    mask = (depth < _FAR / 2).astype(np.float32)
    depth = depth * mask

    def blurred(share: float) -> np.ndarray:
        width = 2 * round(share * palm) + 1
        return cv2.stackBlur(depth, (width, width)) / np.maximum(cv2.stackBlur(mask, (width, width)), 1e-3)

    smooth = blurred(0.045)
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    facing = 1 / np.sqrt(slope_x * slope_x + slope_y * slope_y + 1)
    lamp = _unit(_LIGHT)
    diffuse = np.clip(0.35 + 0.65 * (slope_x * lamp[0] + slope_y * lamp[1] - lamp[2]) * facing, 0, 1)
    hollow = np.clip((smooth - blurred(0.22)) / (0.1 * palm), 0, 1)
    light = diffuse * (1 - 0.6 * hollow) * (0.75 + 0.25 * facing)
    opacity = np.clip(1.6 * cv2.GaussianBlur(mask, (0, 0), max(0.8, 0.008 * palm)) - 0.5, 0, 1)
    return light, opacity


def _paint_nails(light: np.ndarray, depth: np.ndarray, points: np.ndarray, palm: float) -> None:
    """Brighten the five nails in `light`; `points` are the landmarks in the box of `depth`. They show which side of a hand
    is seen: without them, MediaPipe takes some fists for left hands."""
    out_of_palm = _unit(np.cross(points[9] - points[0], points[17] - points[5]))
    for (*_, knuckle, joint, tip), radius in zip(_CHAINS, np.multiply(_NAIL_RADII, palm), strict=True):
        along = _unit(points[tip] - points[joint])
        if tip == 4:  # the thumb's pad looks at the knuckles
            pad = _unit((points[5] + points[9] - points[joint] - points[tip]) / 2) + 0.5 * out_of_palm
        else:
            pad = np.cross(along, np.cross(out_of_palm, points[knuckle] - points[knuckle - 1]))
        pad = _unit(pad - (pad @ along) * along)

        x0, y0 = np.maximum(np.floor(points[tip, :2] - 1.6 * radius).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(points[tip, :2] + 1.6 * radius).astype(int) + 1, depth.shape[::-1])
        if x0 >= x1 or y0 >= y1:
            continue
        x, y = np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32)[:, None]
        from_tip = (x - points[tip, 0], y - points[tip, 1], depth[y0:y1, x0:x1] - points[tip, 2])
        forward, sideways, back = (
            sum(part * d for part, d in zip(from_tip, direction / radius, strict=True))
            for direction in (along, np.cross(along, pad), -pad)
        )
        outline = (forward / 0.75) ** 2 + (sideways / 0.72) ** 2  # 1 on the nail's edge
        on_back = np.clip(4 * back - 1.7, 0, 1) * (back < 1.6)  # further off, the surface is another finger's
        nail = np.clip(4 - 4 * outline, 0, 1) * on_back
        edge = np.clip(1 - 4 * np.abs(outline - 1.05), 0, 1) * on_back
        view = light[y0:y1, x0:x1]
        view *= 1 - 0.35 * edge
        view += (0.15 * view + 0.12) * nail


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(np.linalg.norm(vector), 1e-6)


@lru_cache(maxsize=2)
def _room(size: int) -> np.ndarray:
    random = np.random.default_rng(7)
    grey = random.normal(0, 24, (7, 7, 1)) + random.normal(0, 7, (7, 7, 3))
    picture = cv2.resize(np.float32([126, 128, 128] + grey), (size, size), interpolation=cv2.INTER_CUBIC)
    grain = random.normal(0, 2, (size, size, 1))
    return (cv2.GaussianBlur(picture, (0, 0), size / 24) + grain).clip(0, 255).astype(np.uint8)


@lru_cache(maxsize=2)
def _skin_texture(size: int) -> np.ndarray:
    """Factors around 1, float32 (size, size): patches, mottling and grain."""
    random = np.random.default_rng(3)
    layers = ((12, 0.05), (48, 0.04), (160, 0.04))  # cells across, contrast
    return 1 + sum(
        cv2.resize(random.normal(0, contrast, (cells, cells)).astype(np.float32), (size, size)) for cells, contrast in layers
    )
