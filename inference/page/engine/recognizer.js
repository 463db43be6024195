// A stream of hands -> letter probabilities: sign2sound/recognizer.py.

import {featuresOf} from "./features.js";

export class Recognizer {
  /** model: of gru.js; values: of engine.json. */
  constructor(model, values) {
    this.model = model;
    this.values = values;
    this.none = new Float32Array(values.labels.length);
    this.none[values.labels.indexOf("nothing")] = 1;
    this.reset();
  }

  reset() {
    this.stream = null;
  }

  /** The letter of a hand on its own, {landmarks, leftHanded} or null -> probabilities (29). */
  predict(hand) {
    return hand ? this.model.step(featuresOf(hand.landmarks, null, hand.leftHanded), this.model.start())[0] : this.none;
  }

  /** Take the next frame's hand, or null, at `time` seconds, which increases. The model takes a step every 1/30 s whatever the rate of
   *  the frames, on landmarks interpolated between them; a frame that completes no step repeats the last reading. */
  update(hand, time) {
    if (!hand) return this.none;
    const {gap, frame_rate, side_memory} = this.values.recognizer;
    let stream = this.stream;
    let steps;
    if (!stream || time - stream.time > gap) {
      stream = this.stream = {stepTime: time, left: Number(hand.leftHanded), state: this.model.start(), before: null};
      steps = [hand.landmarks];
    } else {
      steps = stepsTo(stream, hand.landmarks, time, frame_rate);
      stream.stepTime += steps.length / frame_rate;
      stream.left = side_memory * stream.left + (1 - side_memory) * hand.leftHanded;
    }
    stream.time = time;
    stream.landmarks = hand.landmarks;
    for (const landmarks of steps) {
      const features = featuresOf(landmarks, stream.before, stream.left > 0.5);
      [stream.probabilities, stream.state] = this.model.step(features, stream.state);
      stream.before = landmarks;
    }
    return stream.probabilities;
  }
}

/** Landmarks at the steps due up to a new frame; there may be none. */
function stepsTo({time: before, landmarks: from, stepTime}, to, time, frame_rate) {
  const due = Math.trunc((time - stepTime) * frame_rate + 1e-6);
  return Array.from({length: due}, (_, index) => {
    const share = (stepTime + (index + 1) / frame_rate - before) / (time - before);
    return from.map((value, place) => value * (1 - share) + to[place] * share);
  });
}
