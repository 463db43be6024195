"""Read one picture.  pip install sign2sound;  python examples/read_picture.py hand.jpg"""

import sys

import cv2
import numpy as np

from sign2sound import Landmarker, Recognizer

picture = cv2.imread(sys.argv[1], cv2.IMREAD_COLOR_RGB)
if picture is None:
    sys.exit(f"{sys.argv[1]} is no picture")
with Landmarker() as landmarker:
    hand, _ = landmarker.find(picture)
if hand is None:
    sys.exit("no hand found")
recognizer = Recognizer.load()
probabilities = recognizer.predict(hand.landmarks[None], np.array([hand.left_handed]))[0]
for label in probabilities.argsort()[:-4:-1]:
    print(f"{recognizer.labels[label]:<8}{probabilities[label]:.2f}")
