// The worker in which the browser reads frames, so that the page stays smooth: opens the engine, then answers messages in their order.

import {Model} from "./gru.js";
import {Landmarker} from "./landmarker.js";
import {Recognizer} from "./recognizer.js";
import {Session} from "./session.js";
import {Dictionary} from "./words.js";

let open; // a promise of () => a new session
let session;
let queue = Promise.resolve();

self.onmessage = ({data}) => {
  queue = queue.then(() => answer(data)).then((message) => self.postMessage(message), (error) => {
    self.postMessage({type: "error", message: error.message});
  });
};

async function answer({engine, start, frame, time, picture, command}) {
  if (engine) {
    open = openEngine(engine);
    await open;
    return {type: "ready"};
  }
  if (start) {
    session = (await open)();
    return session.welcome();
  }
  if (command) return session.command(command);
  try {
    return frame ? session.frame(frame, time) : {type: "picture", ...await (await open)().picture(picture)};
  } finally {
    (frame ?? picture).close();
  }
}

async function openEngine({files, model: about, values}) {
  const landmarker = Landmarker.open(files, values);
  const [weights, words] = await Promise.all([load(files.weights), load(files.words)]);
  const model = new Model(await weights.arrayBuffer(), values.labels, about);
  const dictionary = new Dictionary(await words.text(), values);
  const parts = [await landmarker, new Recognizer(model, values), dictionary, values];
  return () => new Session(...parts);
}

async function load(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} cannot be loaded (status ${answer.status})`);
  return answer;
}
