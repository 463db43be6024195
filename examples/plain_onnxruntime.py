"""The exported model with onnxruntime alone, as in any language that has it: landmarks in, probabilities out.

pip install onnxruntime numpy;  python examples/plain_onnxruntime.py sign2sound/best_model.onnx examples/hand.json
"""

import json
import os
import sys

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # else it reports its use to its maker
import onnxruntime  # noqa: E402, after the line above

model, hand = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.log_severity_level = 3  # it would warn that `state` may be left out
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
labels = session.get_modelmeta().custom_metadata_map["labels"].split(" ")

with open(hand) as file:
    still = np.float32(json.load(file))[None, None]  # (clips, frames, 21, 3), in pixels; NaN in a frame without a hand
inputs = {"landmarks": still, "left_handed": np.array([False])}
(probabilities,) = session.run(["probabilities"], inputs)
print(f"picture: {labels[probabilities[0].argmax()]} {probabilities.max():.2f}")

state = np.zeros((1, 320), np.float32)
for _ in range(10):  # a stream, 30 frames a second: the state goes in again with the next frame
    probabilities, state = session.run(["probabilities", "next_state"], inputs | {"state": state})
print(f"stream: {labels[probabilities[0].argmax()]} {probabilities.max():.2f}")
