"""Spell what a video file shows. python examples/read_video.py video.mp4"""

import sys

from sign2sound import Recognizer, Speller, UserError, Video

speller = Speller()
try:
    video = Video(sys.argv[1])
except UserError as error:
    sys.exit(str(error))
with video, Recognizer.load() as recognizer:
    for frame, seconds in video:
        reading = recognizer.read(frame, seconds)
        if event := speller.update(seconds, reading.probabilities):
            print(f"{seconds:7.2f} s  {event.kind:<10}{event.text}")
print(speller.text)
