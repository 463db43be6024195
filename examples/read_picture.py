"""Read one picture. python examples/read_picture.py hand.jpg"""

import sys

from sign2sound import BrokenPicture, Recognizer

with Recognizer.load() as recognizer:
    try:
        reading = recognizer.read_picture(sys.argv[1])
    except BrokenPicture as error:
        sys.exit(f"{sys.argv[1]} cannot be read: {error}")
if reading.hand is None:
    sys.exit("no hand found")
for label in reading.probabilities.argsort()[:-4:-1]:
    print(f"{recognizer.labels[label]:<8}{reading.probabilities[label]:.2f}")
