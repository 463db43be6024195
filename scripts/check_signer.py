"""Draw every letter and see whether it is found and read: python scripts/check_signer.py --data ../shared/data/landmarks"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from data.dataset import load_samples
from sign2sound.errors import run
from sign2sound.features import clip_features
from sign2sound.files import atomic_write, in_project, output_file
from sign2sound.hand import Hand
from sign2sound.labels import LABEL_IDS, LABELS, STATIC_LETTERS
from sign2sound.landmarker import Landmarker
from sign2sound.prototypes import load_prototypes
from sign2sound.recognizer import Recognizer
from sign2sound.signer import draw_hand, place_hand, sign_word

FOUND = 0.95  # of all drawings, all passes together
READ = 22  # of the 24 prototypes
FRAME_RATE = 25  # frames/s on one core
TIMED_WORD = "fox"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--model", type=Path, default=in_project("checkpoints/best_model.pth"), help="default: %(default)s")
    parser.add_argument(
        "--data", nargs="+", metavar="PATH", help="landmarks of real signers: of every source, one pose per letter is drawn too"
    )
    parser.add_argument("--output", type=output_file, metavar="PNG", help="draw the signs side by side into this file")
    args = parser.parse_args()
    recognizer = Recognizer.load(args.model)
    prototypes = {letter: prototype[0] for letter, prototype in load_prototypes().items()}
    others = signers_poses(args.data) if args.data else {letter: [] for letter in STATIC_LETTERS}

    print(f"{'letter':8}{'drawn':>6}{'found at once':>15}{'all passes':>13}{'right hand':>12}   prototype read as")
    rows, right = [], 0
    with Landmarker() as landmarker:
        for letter in STATIC_LETTERS:
            seen = [landmarker.find(draw_hand(place_hand(pose))) for pose in (prototypes[letter], *others[letter])]
            at_once = sum(hand is not None and hand.found_in == 1 for hand in seen)
            hands = [hand for hand in seen if hand is not None]
            row = (len(seen), at_once, len(hands), sum(not hand.left_handed for hand in hands))
            label, probability = read(recognizer, seen[0])
            right += label == letter
            rows.append(row)
            print(f"{letter:8}{row[0]:>6}{row[1]:>15}{row[2]:>13}{row[3]:>12}   {label} {probability:.2f}")
    drawn, *found = np.sum(rows, axis=0)
    at_once, in_all, right_hands = (count / drawn for count in found)
    print(f"{'all':8}{drawn:>6}{at_once:>15.1%}{in_all:>13.1%}{right_hands:>12.1%}   {right} of {len(STATIC_LETTERS)} right")
    speed = frames_per_second()
    print(f"{speed:.1f} frames/s drawn on one core at 480 pixels")
    if args.output:
        with atomic_write(args.output) as file:
            file.write(contact_sheet(prototypes))

    short = [
        f"{name} {value:.3g}, expected {bar:g} or more"
        for name, value, bar in (("found", in_all, FOUND), ("read", right, READ), ("frames/s", speed, FRAME_RATE))
        if value < bar
    ]
    if short:
        sys.exit("; ".join(short))


def signers_poses(paths: list[str]) -> dict[str, list[np.ndarray]]:
    """For each static letter one pose (21, 3) of each source, in palm sizes: the one nearest to the source's mean."""
    stills, _ = load_samples(paths)
    stills = stills[stills.trusted & stills.found]
    all_poses = clip_features(stills.landmarks, stills.left_handed).reshape(-1, 21, 3)
    poses = {letter: [] for letter in STATIC_LETTERS}
    for letter in STATIC_LETTERS:
        for source in np.unique(stills.sources):
            own = all_poses[(stills.sources == source) & (stills.labels == LABEL_IDS[letter])]
            if len(own):
                poses[letter].append(own[np.linalg.norm(own - own.mean(axis=0), axis=(1, 2)).argmin()])
    return poses


def read(recognizer: Recognizer, hand: Hand | None) -> tuple[str, float]:
    """The likeliest label and its probability."""
    if hand is None:
        return "missed", 0.0
    probabilities = recognizer.predict(hand.landmarks[None], np.array([hand.left_handed]))[0]
    return LABELS[probabilities.argmax()], float(probabilities.max())


def frames_per_second() -> float:
    """How fast a word is drawn, by one core."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    frames = sign_word(TIMED_WORD)
    next(frames)  # draws the room and the skin, once
    started = time.process_time()
    count = sum(1 for _ in frames)
    cv2.setNumThreads(threads)
    return count / (time.process_time() - started)


def contact_sheet(signs: dict[str, np.ndarray], columns: int = 7, size: int = 240) -> bytes:
    """A PNG of all signs in alphabetical order."""
    tiles = []
    for label in sorted(signs):
        tile = draw_hand(place_hand(signs[label], size, palm=0.26), size)
        tiles.append(cv2.putText(tile, label, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 1, cv2.LINE_AA))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return cv2.imencode(".png", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))[1].tobytes()


if __name__ == "__main__":
    run(main)
