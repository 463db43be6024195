// Spelled letters -> suggested words: sign2sound/words.py, where the reasons stand. Its numbers are float32, so these are rounded alike.

const round = Math.fround;

export class Dictionary {
  /** text: words.txt of the build; values: of engine.json. */
  constructor(text, {words, labels}) {
    this.values = words;
    this.alphabet = labels.slice(0, 26);
    let prior = 0;
    const lines = text.split("\n").map((line) => line.split(" "));
    this.words = lines.map(([word]) => word);
    this.priors = Float32Array.from(lines, ([, own]) => (prior = own ?? prior));
    this.rows = new Map(this.words.map((word, row) => [word, row]));
    this.longest = Math.max(...this.words.map(({length}) => length));
    this.transitions = logTransitions(this.words);
  }

  /** Up to `count` words that may be meant, whole or so far, best first; never what was spelled itself.
   *  evidence: for each spelled character the probabilities (29) that it was read from. */
  suggest(evidence, count) {
    const {most_distance: most, unfinished, worthwhile} = this.values;
    if (!evidence.length || evidence.length > this.longest + most) return [];
    const literal = evidence.map((character) => this.alphabet[likeliest(character.slice(0, 26))]).join("");
    const read = evidence.map((character) => this.logProbabilities(character));
    const scored = this.near(literal).map((row) => {
      const [whole, begun] = this.weigh(this.words[row], read, literal.length);
      return {row, score: logAddExp(round(whole + this.priors[row]), round(round(begun + this.priors[row]) + round(Math.log(unfinished))))};
    });
    const best = scored.reduce((most, {score}) => Math.max(most, score), this.literalScore(literal, read));
    return scored.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, count + 1)
      .filter(({score}) => score > best + Math.log(worthwhile))
      .map(({row}) => this.words[row]).filter((word) => word !== literal).slice(0, count);
  }

  within(length) {
    return length === 1 ? 1 : length < 6 ? 2 : this.values.most_distance;
  }

  /** Rows of the words whose beginning is near what was spelled. */
  near(literal) {
    const within = this.within(literal.length);
    const distance = editDistance(literal);
    const rows = [];
    this.words.forEach((word, row) => {
      const length = Math.min(word.length, literal.length + 1, this.longest);
      if (Math.abs(length - literal.length) <= within && distance(word, length) <= within) rows.push(row);
    });
    return rows;
  }

  /** How likely the word is meant, spelled whole or begun (log scale), without its prior. */
  weigh(word, read, length) {
    const {missed, extra} = this.values;
    // alignment[i]: the word's letters so far against the first i of those spelled.
    let alignment = Float32Array.from({length: length + 1}, (_, i) => round(extra) * i);
    let begun = -Infinity;
    const end = Math.min(length + this.within(length), this.longest);
    for (let position = 0; position < Math.min(end, word.length); position++) {
      const before = alignment;
      const letter = word.charCodeAt(position) - 65;
      alignment = before.map((value) => value + round(missed));
      for (let i = 0; i < length; i++) alignment[i + 1] = Math.max(alignment[i + 1], round(before[i] + read[i][letter]));
      for (let i = 0; i < length; i++) alignment[i + 1] = Math.max(alignment[i + 1], round(alignment[i] + round(extra)));
      begun = Math.max(begun, alignment[length]);
    }
    return [word.length <= end ? alignment[length] : -Infinity, begun];
  }

  /** How likely it is that what was spelled is meant (log scale): a word, or a name that is made like words. */
  literalScore(literal, read) {
    let prior = Math.log(this.values.unknown);
    for (const pair of pairsOf(literal)) prior += this.transitions.get(pair);
    if (this.rows.has(literal)) prior = Math.log(Math.exp(prior) + Math.exp(this.priors[this.rows.get(literal)]));
    return round(read.reduce((sum, letters) => round(sum + Math.max(...letters)), 0)) + prior;
  }

  /** Of the 26 letters. */
  logProbabilities(character) {
    const letters = character.slice(0, 26);
    const sum = letters.reduce((a, b) => a + b);
    const {misread} = this.values;
    return Float32Array.from(letters, (value) => Math.log((1 - misread) * value / sum + misread / letters.length));
  }
}

/** Returns a function that gives the Levenshtein distance of `spelled` to the first `length` letters of a word, both of up to 31 letters:
 *  Myers's, which keeps a column of the table as bits of two numbers (A Fast Bit-Vector Algorithm, 1999). */
function editDistance(spelled) {
  const places = new Int32Array(128); // by letter: where it stands in `spelled`
  [...spelled].forEach((letter, place) => { places[letter.charCodeAt(0)] |= 1 << place; });
  const last = 1 << (spelled.length - 1);
  return (word, length) => {
    let [rises, falls, distance] = [-1, 0, spelled.length];
    for (let position = 0; position < length; position++) {
      const equal = places[word.charCodeAt(position)];
      const vertical = equal | falls;
      const horizontal = (((equal & rises) + rises) ^ rises) | equal;
      let up = falls | ~(horizontal | rises);
      let down = rises & horizontal;
      if (up & last) distance++;
      if (down & last) distance--;
      up = (up << 1) | 1;
      down <<= 1;
      rises = down | ~(vertical | up);
      falls = up & vertical;
    }
    return distance;
  };
}

/** How likely each letter comes after each other in the words, a blank before and behind them (log scale); by pairs of letters. */
function logTransitions(words) {
  const text = ` ${words.join(" ")} `;
  const letters = " ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const counts = new Map();
  for (const first of letters) for (const second of letters) counts.set(first + second, 1); // once more than it was seen
  const after = new Map([...letters].map((letter) => [letter, letters.length]));
  for (let place = 0; place + 1 < text.length; place++) {
    const pair = text.slice(place, place + 2);
    counts.set(pair, counts.get(pair) + 1);
    after.set(pair[0], after.get(pair[0]) + 1);
  }
  return new Map([...counts].map(([pair, count]) => [pair, Math.log(count / after.get(pair[0]))]));
}

function pairsOf(word) {
  return [...` ${word}`].map((letter, place) => letter + `${word} `[place]);
}

function likeliest(values) {
  return values.indexOf(Math.max(...values));
}

/** log(exp(a) + exp(b)), as a float32. */
function logAddExp(a, b) {
  if (a === b) return round(a + Math.LN2);
  const [low, high] = a < b ? [a, b] : [b, a];
  return round(high + Math.log1p(Math.exp(low - high)));
}
