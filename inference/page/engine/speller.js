// Letter probabilities over time -> text: sign2sound/speller.py, where the reasons stand.

export class Speller {
  /** values: of engine.json, with the options of Python's speller. */
  constructor({labels, speller}) {
    this.labels = labels;
    this.options = speller;
    this.nothing = labels.indexOf("nothing");
    this.characters = []; // {character, evidence}
    this.now = null;
    this.shown = this.nothing;
    this.shownSince = 0;
    this.sums = labels.map(() => 0); // evidence that the hand has begun to show each label
    this.since = labels.map(() => 0); // when that evidence began
    this.read = labels.map(() => labels.map(() => 0)); // row: seconds x probabilities since then
    this.sawNoHand = true;
    this.holds = []; // {label, since, until} of the letters shown before, the newest last
    this.waiting = null; // {label, read, proof}: a letter that stands alone so far and is not yet written
    this.paused = false;
  }

  get text() {
    return this.characters.map(({character}) => character).join("");
  }

  get word() {
    return this.lastWord.map(({character}) => character).join("");
  }

  get evidence() {
    return this.lastWord.map(({evidence}) => scaled(evidence, 1 / evidence.reduce((a, b) => a + b)));
  }

  /** How much of what is asked of it the likeliest new letter has, 0 to 1. */
  get progress() {
    if (this.waiting && this.shown !== this.nothing) return Math.min(this.waiting.proof / this.options.proof, 1);
    const alone = this.shown === this.nothing && (this.now ?? 0) - this.last.until >= this.options.alone;
    const shares = this.sums.map((sum, label) => (
      label === this.nothing || label === this.shown ? 0 : sum / Math.max(this.asked(label), alone ? this.options.proof : 0)
    ));
    return Math.min(Math.max(...shares), 1);
  }

  /** Take the probabilities (29) at `time` seconds, which never falls -> {kind, text} of what was written, or null. */
  update(time, probabilities) {
    const {options, nothing} = this;
    const passed = this.now === null ? 1 / options.frame_rate : Math.min(Math.max(time - this.now, 0), options.longest_step);
    const began = this.now ?? time;
    this.now = time;
    const scores = Array.from(probabilities, (value) => Math.log((1 - options.unlikely) * value + options.unlikely / this.labels.length));
    scores[nothing] -= options.reluctance;
    const appeared = this.sawNoHand && probabilities[nothing] < 1;
    this.sawNoHand = probabilities[nothing] >= 1;
    if (appeared) scores.fill(0); // a hand's first frame does not say whether it moves

    const reading = Array.from(probabilities, (value) => passed * value);
    this.sums = this.sums.map((sum, label) => {
      if (sum === 0) {
        this.since[label] = began;
        this.read[label].fill(0);
      }
      add(this.read[label], reading);
      return Math.max(sum + passed * options.frame_rate * (scores[label] - scores[this.shown]), 0);
    });
    if (this.shown !== nothing) this.follow(reading);
    const proving = this.waiting && this.shown !== nothing;
    if (proving) this.waiting.proof += passed * options.frame_rate * (scores[this.shown] - scores[nothing]);

    const likeliest = Math.max(...scores);
    const enough = this.sums.map((sum, label) => {
      const brief = time - this.since[label] < options.shortest - 1e-6;
      const early = label !== nothing && (brief || scores[label] < likeliest);
      return early ? -Infinity : sum - this.asked(label) + 1e-6;
    });
    const label = enough.indexOf(Math.max(...enough));
    if (enough[label] >= 0 && label !== this.shown) return this.show(label, time);
    if (proving && this.waiting.proof >= options.proof) {
      const {label: shown, read} = this.waiting;
      this.waiting = null;
      return this.put(this.labels[shown], read);
    }
    if (this.shown !== nothing && this.passedThroughLast(time - this.shownSince)) {
      this.characters.splice(-2, 1);
      return {kind: "deleted", text: this.labels[this.holds.pop().label]};
    }
    if (this.shown === nothing && !this.paused && time - this.shownSince >= options.pause - 1e-6) {
      this.paused = true;
      return this.put("space", this.oneHot(nothing));
    }
    return null;
  }

  /** Write one of the 29 labels as if it had been signed; `del` deletes a character, `nothing` does nothing. */
  write(label) {
    if (label !== "nothing") this.put(label, this.oneHot(this.labels.indexOf(label)));
  }

  /** Put `word` and a space in the place of the last word. */
  replaceWord(word) {
    this.characters.splice(this.wordPlace()[0]);
    for (const letter of word) this.write(letter);
    this.write("space");
  }

  /** Forget the text, not what the hand shows. */
  clear() {
    this.characters = [];
  }

  get lastWord() {
    return this.characters.slice(...this.wordPlace());
  }

  wordPlace() {
    const {characters} = this;
    let end = characters.length;
    while (end && characters[end - 1].character === " ") end--;
    let start = end;
    while (start && characters[start - 1].character !== " ") start--;
    return [start, end];
  }

  /** The evidence asked of a label. */
  asked(label) {
    if (this.shown === this.nothing) return this.options.begin;
    return label === this.nothing ? this.options.end : this.options.change;
  }

  /** Add to the evidence of the last letter while the hand still shows it. */
  follow(reading) {
    const newest = this.characters.at(-1);
    if (this.waiting) add(this.waiting.read, reading);
    else if (newest?.character === this.labels[this.shown]) add(newest.evidence, reading);
  }

  /** The hand shows `label` from now on. */
  show(label, time) {
    const [since, read, proof] = [this.since[label], [...this.read[label]], this.sums[label]];
    if (this.shown !== this.nothing) {
      this.holds = [...this.holds.slice(-2), {label: this.shown, since: this.shownSince, until: since}];
      this.follow(scaled(read, -1)); // what was read since then is no evidence of the last letter
    }
    [this.shown, this.shownSince] = [label, since];
    this.sums.fill(0);
    if (label === this.nothing) {
      this.paused = false;
      return null;
    }
    const away = since - this.last.until;
    if (label === this.last.label && away < this.neededRelease) { // it flickered, but was never let go
      this.shownSince = this.holds.pop().since;
      if (this.waiting) this.waiting.proof += proof;
      return null;
    }
    const name = this.labels[label];
    let before = this.waiting;
    this.waiting = null;
    if (this.beganAsLast(name, away)) {
      if (!before && this.characters.at(-1)?.character === this.labels[this.last.label]) {
        this.characters[this.characters.length - 1] = {character: name, evidence: read};
        return {kind: "corrected", text: name};
      }
      before = null;
    }
    const alone = away >= this.options.alone;
    if (alone && proof < this.options.proof && !this.options.motion_letters.includes(name)) {
      this.waiting = {label, read, proof};
      return null;
    }
    if (!before || alone) return this.put(name, read);
    this.waiting = {label, read, proof: Infinity}; // two letters, one after the other, prove each other: this one is written next
    return this.put(this.labels[before.label], before.read);
  }

  /** Whether the letter before the shown one, which is held for so many seconds, was only passed through. */
  passedThroughLast(held) {
    const {passing, passing_share: share} = this.options;
    const before = this.word.length > 2 && this.holds.length > 1 ? heldOf(this.holds.at(-2)) : Infinity;
    const brief = heldOf(this.last) < Math.min(passing, share * held, share * before);
    const [older, newer] = this.characters.slice(-2).map(({character}) => character);
    return brief && older === this.labels[this.last.label] && newer === this.labels[this.shown];
  }

  /** The letter shown before `nothing`, or before the one shown. */
  get last() {
    return this.holds.at(-1) ?? {label: this.nothing, since: 0, until: -Infinity};
  }

  get neededRelease() {
    const {options} = this;
    if (options.motion_letters.includes(this.labels[this.last.label])) return options.redrawn;
    return Math.max(options.release, Math.min(options.release_share * heldOf(this.last), options.longest_release));
  }

  /** Whether the letter shown before may have been the beginning of this J or Z. */
  beganAsLast(name, away) {
    return this.options.first_shapes[name]?.includes(this.labels[this.last.label]) && away < this.options.motion;
  }

  /** Returns the event, or null where nothing changed. */
  put(label, evidence) {
    if (label === "del") {
      const deleted = this.characters.pop();
      return deleted ? {kind: "deleted", text: deleted.character} : null;
    }
    if (label !== "space") {
      this.characters.push({character: label, evidence});
      return {kind: "letter", text: label};
    }
    if ((this.characters.at(-1)?.character ?? " ") === " ") return null;
    this.characters.push({character: " ", evidence});
    return {kind: "word", text: this.word};
  }

  oneHot(label) {
    return this.labels.map((_, index) => Number(index === label));
  }
}

const heldOf = ({since, until}) => until - since;

function add(sums, values) {
  values.forEach((value, index) => { sums[index] += value; });
}

const scaled = (values, factor) => values.map((value) => value * factor);
