// What the browser does with its frames: inference/session.py with sign2sound/live.py, answering with the same messages.

import {Speller} from "./speller.js";

export class Session {
  /** landmarker, recognizer: of their modules; dictionary: of words.js; values: of engine.json. */
  constructor(landmarker, recognizer, dictionary, values) {
    Object.assign(this, {landmarker, recognizer, dictionary, values});
    landmarker.reset();
    recognizer.reset();
    this.speller = new Speller(values);
    this.suggestions = [];
  }

  state() {
    const {text, word} = this.speller;
    return {text, word, suggestions: this.suggestions, profile: false};
  }

  welcome() {
    return {type: "welcome", notice: "", ...this.state()};
  }

  /** Read a frame, an ImageBitmap, taken at `time` seconds -> the step. */
  frame(frame, time) {
    const started = performance.now();
    const hand = this.landmarker.track(frame, time);
    const found = performance.now();
    const probabilities = this.recognizer.update(hand, time);
    const read = performance.now();
    const event = this.speller.update(time, probabilities);
    if (event) this.suggest();
    const done = performance.now();
    return {
      type: "step",
      ...this.state(),
      ...this.describe(probabilities, hand, frame),
      time,
      hold: this.speller.progress,
      event,
      teaching: null,
      practice: null,
      ms: {decode: 0, landmarks: found - started, "features+model": read - found, text: done - read, server: done - started},
    };
  }

  /** The letter of a still, an ImageBitmap: what /predict of the server answers. */
  async picture(picture) {
    const hand = await this.landmarker.find(picture);
    return this.describe(this.recognizer.predict(hand), hand, picture);
  }

  /** Do what the page asks for -> the state after it. */
  command({do: action, text = "", index = 0}) {
    switch (action) {
      case "write":
        for (const character of text.toUpperCase()) this.speller.write(character === " " ? "space" : character);
        break;
      case "delete":
        this.speller.write("del");
        break;
      case "take":
        if (!this.suggestions[index]) break;
        this.speller.replaceWord(this.suggestions[index]);
        break;
      case "clear":
        this.speller.clear();
        break;
    }
    this.suggest();
    if (action === "take") this.suggestions = [];
    return {type: "state", ...this.state()};
  }

  suggest() {
    this.suggestions = this.dictionary?.suggest(this.speller.evidence, this.values.suggestions) ?? [];
  }

  /** What was read, and the hand's 21 points as shares of the picture's width and height. */
  describe(probabilities, hand, {width, height}) {
    const best = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, this.values.top);
    const top = best.map((label) => [this.values.labels[label], probabilities[label]]);
    const points = hand && Array.from({length: 21}, (_, point) => [hand.landmarks[3 * point] / width, hand.landmarks[3 * point + 1] / height]);
    return {label: top[0][0], confidence: top[0][1], top, hand: points};
  }
}
