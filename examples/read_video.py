"""Spell what a video file shows.  pip install sign2sound;  python examples/read_video.py video.mp4"""

import sys

import cv2

from sign2sound import Recognizer, Speller

video = cv2.VideoCapture(sys.argv[1])
rate = video.get(cv2.CAP_PROP_FPS) or 30
speller, number = Speller(), 0
with Recognizer.load() as recognizer:
    while (frame := video.read()[1]) is not None:
        seconds = number / rate
        reading = recognizer.read(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), seconds)
        if event := speller.update(seconds, reading.probabilities):
            print(f"{seconds:7.2f} s  {event.kind:<10}{event.text}")
        number += 1
print(speller.text)
