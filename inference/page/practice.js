// Practice, sign what is shown: a letter or a word with the synthetic signer, and what the server says about the hand.

import {byId, settle, spellOut} from "./show.js";
import {showSign, spellWord} from "./signs.js";
import {WORDS} from "./practicewords.js";

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const PAUSE = 1200; // milliseconds between a word and the next

export class Practice {
  /** send(command) gives whether somebody reads the hand; pace() gives the signer's letters/s. */
  constructor(send, pace) {
    this.send = send;
    this.pace = pace;
    this.choices = LETTERS;
    this.word = "";
    this.watching = false; // the signer spells the whole word
    this.feedback = settle(byId("feedback"));
    this.target = spellOut(byId("target"));
    byId("practice-letter").onclick = () => this.choose(LETTERS);
    byId("practice-word").onclick = () => this.choose(WORDS);
    byId("practice-watch").onclick = () => this.watch();
    byId("practice-skip").onclick = () => this.send({do: "skip"}) || this.next();
    byId("own-word").onsubmit = (event) => {
      event.preventDefault();
      this.choose([byId("own").value.toUpperCase()]);
    };
  }

  /** A new exercise, whose score starts at nothing. */
  choose(choices) {
    this.choices = choices;
    this.send({do: "spell"});
    this.score(0, 0);
    this.next();
  }

  next() {
    this.leave();
    const others = this.choices.filter((word) => word !== this.word);
    this.word = others[Math.floor(Math.random() * others.length)] ?? this.choices[0];
    this.begin();
  }

  /** Tells the server, also after a new connection, and shows the word. */
  begin() {
    if (!this.word) return this.next();
    const seen = this.send({do: "practice", text: this.word});
    this.feedback(seen ? "Sign it as shown." : "Start the camera, and sign it as shown.");
    this.show({word: this.word, done: 0});
  }

  /** Nobody reads the hand any more. */
  stopped() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.word) this.begin();
  }

  leave() {
    clearTimeout(this.timer);
    this.timer = null;
    this.watching = false;
  }

  async watch() {
    this.watching = true;
    await spellWord(byId("signer-front"), this.word, this.pace());
    this.watching = false;
    this.show(this.state);
  }

  show(state) {
    this.state = state;
    const {word, done} = state;
    this.target(word, done);
    const letter = word[Math.min(done, word.length - 1)];
    if (!this.watching) showSign(byId("signer-front"), letter, "front");
    showSign(byId("signer-turned"), letter, "side");
  }

  score(right, wrong) {
    byId("right").textContent = right;
    byId("wrong").textContent = wrong;
  }

  update(state, step) {
    if (state.word !== this.word) return; // an answer from before the last choice
    this.show(state);
    this.score(state.right, state.wrong);
    const wanted = state.word[state.done];
    const seen = step.label === "nothing" ? "no letter" : step.label;
    if (!wanted) {
      this.feedback("Well done.", "good");
      this.timer ??= setTimeout(() => this.next(), PAUSE);
    } else if (!step.hand) {
      this.feedback("Show your hand to the camera.");
    } else if (step.label === wanted) {
      this.feedback("Yes.", "good");
    } else {
      this.feedback(state.advice ? `I see ${seen}: ${state.advice}.` : `I see ${seen}.`);
    }
  }
}
