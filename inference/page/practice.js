// Practice: a letter or a word with the synthetic signer, and what the server says about the hand.

import {byId, settle, showSigner, spellOut} from "./show.js";

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const WORDS = ("AND HELLO THANK FRIEND QUIET JAZZ WATER COFFEE SCHOOL FAMILY HAPPY MUSIC GARDEN YELLOW KITE BOX VAN PIZZA LUCKY "
  + "MORNING ZEBRA QUEEN").split(" ");
const PAUSE = 1200; // milliseconds between a word and the next

export class Practice {
  constructor(send) {
    this.send = send;
    this.choices = LETTERS;
    this.word = "";
    this.feedback = settle(byId("feedback"));
    this.target = spellOut(byId("target"));
    byId("practice-letter").onclick = () => this.choose(LETTERS);
    byId("practice-word").onclick = () => this.choose(WORDS);
    byId("practice-skip").onclick = () => this.send({do: "skip"});
    byId("own-word").onsubmit = (event) => {
      event.preventDefault();
      this.choose([byId("own").value.toUpperCase()]);
    };
  }

  choose(choices) {
    this.choices = choices;
    this.next();
  }

  next() {
    clearTimeout(this.timer);
    this.timer = null;
    const others = this.choices.filter((word) => word !== this.word);
    this.word = others[Math.floor(Math.random() * others.length)] ?? this.choices[0];
    this.begin();
  }

  /** Tells the server, also after a new connection, and shows the word. */
  begin() {
    if (!this.word) return this.next();
    this.send({do: "practice", text: this.word});
    this.show({word: this.word, done: 0});
    this.feedback("Sign it as shown.");
  }

  leave() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  show({word, done}) {
    this.target(word, done);
    const letter = word[Math.min(done, word.length - 1)];
    showSigner(byId("signer-front"), letter, "front");
    showSigner(byId("signer-turned"), letter, "turned");
  }

  update(state, step) {
    if (state.word !== this.word) return; // an answer from before the last choice
    this.show(state);
    byId("right").textContent = state.right;
    byId("wrong").textContent = state.wrong;
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
