// Runs the page's engine in Node: node engine.mjs CASES prints what it says to each case, both JSON. See test_engine.py.

import {readFileSync} from "node:fs";

import {Follower} from "../../inference/page/engine/follower.js";
import {Model} from "../../inference/page/engine/gru.js";
import {Recognizer} from "../../inference/page/engine/recognizer.js";
import {Session} from "../../inference/page/engine/session.js";
import {Speller} from "../../inference/page/engine/speller.js";
import {Dictionary} from "../../inference/page/engine/words.js";

const {values, weights, model: about, words, sessions, readings, followers, evidence} = JSON.parse(readFileSync(process.argv[2], "utf8"));
const model = new Model(Uint8Array.from(Buffer.from(weights, "base64")).buffer, values.labels, about);
const dictionary = new Dictionary(words, values);
const given = (hand) => hand && {...hand, landmarks: Float32Array.from(hand.landmarks)};

/** Frames with the hands that a landmarker found, and commands between them -> the messages that answer them. */
function answers(script) {
  const landmarker = {reset() {}, track: ({hand}) => given(hand)};
  const session = new Session(landmarker, new Recognizer(model, values), dictionary, values);
  return script.map(({command, time, ...frame}) => {
    try {
      return command ? session.command(command) : session.frame({...frame, width: 480, height: 360}, time);
    } catch (error) {
      return {type: "error", message: error.message};
    }
  });
}

/** Probabilities over time -> what the speller says, and its text. */
function spelled(frames) {
  const speller = new Speller(values);
  return frames.map(({time, probabilities}) => {
    const event = speller.update(time, probabilities);
    return {event, text: speller.text, progress: speller.progress, evidence: speller.evidence};
  });
}

/** All hands of every frame -> which of them is followed: its place, and -1 for none. */
function followed(frames) {
  const follower = new Follower(values);
  let tracked = null; // the hand's number, which stays the same from frame to frame
  return frames.map(({time, hands}) => {
    const seen = hands.map(given);
    let hand = seen.find(({number}) => number === tracked) ?? null;
    if (!hand) hand = follower.found(seen, time);
    else if (follower.lookDue(hand, time) && follower.looked(seen, time)) hand = null;
    tracked = hand?.number ?? null;
    return tracked;
  });
}

console.log(JSON.stringify({
  sessions: sessions.map(answers),
  readings: readings.map(spelled),
  followers: followers.map(followed),
  suggestions: evidence.map((word) => dictionary.suggest(word, 3)),
}));
