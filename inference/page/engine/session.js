// What the browser does with its frames, spell or practise: inference/session.py with sign2sound/live.py, answering with the same messages.

import {Drill} from "./drill.js";
import {Speller} from "./speller.js";

export class Session {
  /** landmarker, recognizer: of their modules; dictionary: of words.js; values: of engine.json. */
  constructor(landmarker, recognizer, dictionary, values) {
    Object.assign(this, {landmarker, recognizer, dictionary, values});
    landmarker.reset();
    recognizer.reset();
    this.spelling = new Speller(values);
    this.practice = null; // a speller of its own
    this.drill = null;
    this.suggestions = [];
    this.readings = [];
    this.greyFrames = 0; // in a row
    this.saidGrey = false;
  }

  welcome() {
    return {...this.state(), type: "welcome", notice: ""};
  }

  state() {
    const {text, word} = this.spelling;
    return {type: "state", text, word, suggestions: this.suggestions, readings: this.readings, profile: false};
  }

  /** Read a frame, an ImageBitmap, taken at `time` seconds -> the step. */
  frame(frame, time) {
    const started = performance.now();
    const hand = this.landmarker.track(frame, time);
    const found = performance.now();
    const probabilities = this.recognizer.update(hand, time);
    const read = performance.now();
    const speller = this.drill ? this.practice : this.spelling;
    const event = speller.update(time, probabilities);
    if (event && !this.drill) this.suggest();
    const done = performance.now();
    const described = this.describe(probabilities, hand, frame);
    return {
      ...this.state(),
      ...described,
      type: "step",
      time,
      hold: speller.progress,
      event,
      teaching: null,
      notice: this.notice(),
      practice: this.drill?.update(event, hand, described.label) ?? null,
      ms: {decode: 0, landmarks: found - started, "features+model": read - found, text: done - read, server: performance.now() - started},
    };
  }

  /** What the user should be told, once: that the pictures have no colour. */
  notice() {
    const {frames, notice} = this.values.grey;
    this.greyFrames = this.landmarker.grey ? this.greyFrames + 1 : 0;
    if (this.saidGrey || this.greyFrames < frames) return "";
    this.saidGrey = true;
    return notice;
  }

  /** The letter of a still, an ImageBitmap: as /predict of the server answers, with the hand's points as a step has them. */
  async picture(picture) {
    const hand = await this.landmarker.find(picture);
    return this.describe(this.recognizer.predict(hand), hand, picture);
  }

  /** Do what the page asks for -> the state after it. Throws an Error that says why not. */
  command({do: action, text = "", index = 0}) {
    const {longest_text: most, longest_word: longest} = this.values.session;
    switch (action) {
      case "write":
        if (this.spelling.text.length + text.length > most) throw new Error(`the text is full: ${most} characters; clear it`);
        for (const character of text.toUpperCase()) this.spelling.write(character === " " ? "space" : character);
        this.suggest();
        break;
      case "delete":
        this.spelling.write("del");
        this.suggest();
        break;
      case "correct":
        this.correct(text.trim().toUpperCase());
        this.suggest();
        break;
      case "take":
        if (!this.suggestions[index]) {
          throw new Error(`there is no suggestion ${index}; expected 0 to ${this.values.session.suggestions - 1}, of those on show`);
        }
        this.spelling.replaceWord(this.suggestions[index]);
        this.suggestions = this.readings = [];
        break;
      case "clear":
        this.spelling.clear();
        this.suggest();
        break;
      case "practice":
        this.practise(text.toUpperCase().replaceAll(" ", ""), longest);
        break;
      case "skip":
        if (!this.drill) throw new Error("nothing to skip: neither practising nor teaching");
        this.drill.skip();
        break;
      case "spell":
        this.drill = null;
        break;
      default:
        throw new Error("a hand is taught by the program on your own computer only");
    }
    return this.state();
  }

  correct(letter) {
    const {text, word} = this.spelling;
    if (letter.length !== 1 || !word) throw new Error("there is no letter to correct, or none given to put in its place");
    const spaces = text.length - text.trimEnd().length;
    for (let count = 0; count <= spaces; count++) this.spelling.write("del");
    for (const label of [letter, ...Array(spaces).fill("space")]) this.spelling.write(label);
  }

  practise(word, longest) {
    if (!word || word.length > longest) throw new Error(`a word to practise has 1 to ${longest} letters, found ${word.length}`);
    if (!this.drill) {
      this.recognizer.reset();
      this.landmarker.reset();
      this.practice = new Speller(this.values);
      this.drill = new Drill(this.values);
    }
    this.drill.start(word);
  }

  /** Words that may be meant, and what else the last letter may have been; nothing where that was typed. */
  suggest() {
    const {evidence, word} = this.spelling;
    this.suggestions = this.dictionary.suggest(evidence, this.values.session.suggestions);
    const letters = evidence.at(-1)?.slice(0, 26) ?? [];
    const likeliest = [...letters.keys()].filter((label) => letters[label] > 0).sort((a, b) => letters[b] - letters[a]);
    this.readings = likeliest.map((label) => this.values.labels[label]).filter((letter) => letter !== word.at(-1));
    this.readings = this.readings.slice(0, this.values.session.readings);
  }

  /** What was read, and the hand's 21 points as shares of the picture's width and height. */
  describe(probabilities, hand, {width, height}) {
    const best = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, this.values.session.top);
    const top = best.map((label) => [this.values.labels[label], probabilities[label]]);
    const points = hand && Array.from({length: 21}, (_, point) => [hand.landmarks[3 * point] / width, hand.landmarks[3 * point + 1] / height]);
    return {label: top[0][0], confidence: top[0][1], top, hand: points};
  }
}
