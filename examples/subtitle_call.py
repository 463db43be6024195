"""Subtitle a video call: what camera 0 spells, written under its picture, is a camera that every call program offers.

pip install pyvirtualcam;  python examples/subtitle_call.py [camera or video file]
Windows and macOS: install OBS, which brings a virtual camera. Linux: sudo modprobe v4l2loopback exclusive_caps=1
"""

import sys
import time

import cv2
import pyvirtualcam

from sign2sound import Recognizer, Speller

camera = cv2.VideoCapture(sys.argv[1] if len(sys.argv) > 1 else 0)
width, height = (int(camera.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
speller = Speller()
with Recognizer.load() as recognizer, pyvirtualcam.Camera(width, height, fps=30, fmt=pyvirtualcam.PixelFormat.BGR) as call:
    while (frame := camera.read()[1]) is not None:
        now = time.monotonic()
        reading = recognizer.read(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), now)
        speller.update(now, reading.probabilities)
        cv2.rectangle(frame, (0, height - 50), (width, height), (0, 0, 0), cv2.FILLED)
        cv2.putText(frame, speller.text[-30:], (20, height - 14), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
        call.send(frame)
