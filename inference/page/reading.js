// Practice, read what is spelled: the synthetic signer spells a word, and the user types it. Needs neither camera nor server.

import {WORDS} from "./practicewords.js";
import {byId} from "./show.js";
import {spellWord, stopSigner} from "./signs.js";

const FASTER = 1.15; // of the pace, after a word that was read at once
const SLOWER = 0.85; // after a word that was not read

/** What became of each letter of `word` in an answer: pairs [letter, what], with what `right`, `wrong`, `missed` or, of a letter
 *  that is not there, `unasked`; by the fewest changes (Levenshtein's edit distance). */
export function compareSpelling(word, answer) {
  const cost = Array.from({length: word.length + 1}, (_, i) => Array.from({length: answer.length + 1}, (__, j) => i + j));
  for (let i = 1; i <= word.length; i++) {
    for (let j = 1; j <= answer.length; j++) {
      const other = word[i - 1] === answer[j - 1] ? 0 : 1;
      cost[i][j] = Math.min(cost[i - 1][j - 1] + other, cost[i - 1][j] + 1, cost[i][j - 1] + 1);
    }
  }
  const found = [];
  let [i, j] = [word.length, answer.length];
  while (i || j) {
    const same = i && j && word[i - 1] === answer[j - 1];
    if (i && j && cost[i][j] === cost[i - 1][j - 1] + (same ? 0 : 1)) found.unshift([word[--i], word[i] === answer[--j] ? "right" : "wrong"]);
    else if (i && cost[i][j] === cost[i - 1][j] + 1) found.unshift([word[--i], "missed"]);
    else found.unshift([answer[--j], "unasked"]);
  }
  return found;
}

export class Reading {
  /** pace: see Pace. */
  constructor(pace) {
    this.pace = pace;
    this.word = "";
    this.right = this.wrong = this.fastest = 0;
    byId("read-next").onclick = () => this.next();
    byId("read-again").onclick = () => this.again();
    byId("reading").onsubmit = (event) => {
      event.preventDefault();
      this.check(byId("answer").value.toUpperCase());
    };
  }

  next() {
    const others = WORDS.filter((word) => word !== this.word);
    this.word = others[Math.floor(Math.random() * others.length)];
    this.replayed = false;
    byId("answer").value = "";
    byId("read-letters").hidden = true;
    this.ask(true);
    this.spell();
  }

  again() {
    this.replayed = true;
    this.spell();
  }

  spell() {
    const canvas = byId("read-signer");
    canvas.scrollIntoView({block: "nearest"});
    if (this.asking) {
      this.speed = this.pace.value;
      byId("read-result").textContent = "Watch, and type what you read.";
      byId("answer").focus({preventScroll: true});
    }
    spellWord(canvas, this.word, this.pace.value);
  }

  /** Whether a word waits for its answer. */
  ask(asking) {
    this.asking = asking;
    for (const id of ["answer", "read-check"]) byId(id).disabled = !asking;
    byId("read-again").disabled = false;
    byId("read-next").textContent = asking ? "Another word" : "Next word";
  }

  check(answer) {
    const letters = compareSpelling(this.word, answer);
    const isRight = answer === this.word;
    const before = this.pace.value;
    if (isRight) {
      this.right += 1;
      this.fastest = Math.max(this.fastest, this.speed);
      if (!this.replayed) this.pace.set(before * FASTER);
    } else {
      this.wrong += 1;
      this.pace.set(before * SLOWER);
    }
    this.ask(false);
    const missed = letters.filter(([, what]) => what === "missed" || what === "wrong").map(([letter]) => letter);
    const found = missed.length ? `You missed ${missed.join(", ")}.` : "You saw a letter too many.";
    const now = Math.sign(this.pace.value - before);
    const next = ["The next one is slower.", "", "The next one is faster."][now + 1];
    byId("read-result").textContent = `${isRight ? `Right: ${this.word}.` : `It was ${this.word}. ${found}`} ${next}`.trim();
    byId("read-letters").hidden = isRight;
    byId("read-letters").replaceChildren(...letters.map(([letter, what]) => {
      const span = document.createElement("span");
      span.textContent = letter;
      span.className = what;
      return span;
    }));
    byId("read-right").textContent = this.right;
    byId("read-wrong").textContent = this.wrong;
    byId("read-fastest").textContent = this.fastest ? `${this.fastest.toFixed(1)}/s` : "–";
    byId("read-next").focus({preventScroll: true});
    byId("read-result").scrollIntoView({block: "nearest"});
  }

  leave() {
    stopSigner(byId("read-signer"));
  }
}
