// Practice: a word to sign letter by letter, and which finger to change: inference/practice.py, where the reasons stand.

import {featuresOf} from "./features.js";

const FINGER = [0, 1, 2, 3, 4];
const joints = (finger) => [1, 2, 3, 4].map((joint) => 4 * finger + joint);

export class Drill {
  /** values: of engine.json. */
  constructor(values) {
    this.values = values;
    this.word = "";
    this.done = this.right = this.wrong = 0;
    this.last = ""; // letter that counted
    this.wrongLetters = new Set(); // those that counted as wrong when they were last written
  }

  start(word) {
    [this.word, this.done, this.last] = [word, 0, ""];
    this.wrongLetters.clear();
  }

  skip() {
    this.done = Math.min(this.done + 1, this.word.length);
  }

  /** event: what the speller said to the newest frame; hand: in it; seen: the label read from it. */
  update(event, hand, seen) {
    if (event?.kind === "deleted") this.forgive(event.text);
    else if (["letter", "corrected"].includes(event?.kind) && this.word[this.done]) {
      if (event.kind === "corrected") this.forgive(this.last);
      this.last = event.text;
      if (event.text === this.word[this.done]) {
        [this.right, this.done] = [this.right + 1, this.done + 1];
        this.wrongLetters.delete(event.text);
      } else {
        this.wrong++;
        this.wrongLetters.add(event.text);
      }
    }
    const wanted = this.word[this.done];
    let [advice, finger] = ["", ""];
    if (wanted && hand && seen !== wanted) {
      [advice, finger] = adviceOn(hand, wanted, this.values.practice);
      if (!advice && this.values.speller.motion_letters.includes(wanted)) advice = "move your hand as the signer does";
    }
    const {word, done, right, wrong} = this;
    return {word, done, right, wrong, advice, finger};
  }

  forgive(letter) {
    if (this.wrongLetters.delete(letter)) this.wrong--;
  }
}

/** What to change about {landmarks, leftHanded} to sign a letter, and the finger that this is about, if it is one; both may be empty. */
function adviceOn(hand, letter, values) {
  const theirs = values.hands[letter];
  const flat = featuresOf(hand.landmarks, null, hand.leftHanded);
  const ours = theirs.map((_, point) => [...flat.subarray(3 * point, 3 * point + 3)]);
  const fits = FINGER.map((finger) => fit(ours, theirs, [0, ...FINGER.filter((other) => other !== finger).flatMap(joints)]));
  const odd = fits.reduce((best, {rest}, finger) => (rest < fits[best].rest ? finger : best), 0);
  const {distances, ways, turn} = fits[odd];
  const close = distances[odd] < values.close;
  if (turn > (close ? values.turn : values.far_turn)) return [facing(ours, theirs, values), ""];
  if (close) return ["", ""];
  const finger = values.fingers[odd];
  return [change(finger, reach(theirs, odd) - reach(ours, odd), ways[joints(odd).at(-1)], theirs, letter, values), finger];
}

/** What to do with a finger. length: how much straighter the signer's is; way: from its tip to the signer's. */
function change(finger, length, way, theirs, letter, {thumb, across: elsewhere, change: least}) {
  if (finger === "thumb") return `put your thumb ${thumb[letter] ?? elsewhere}`;
  if (Math.abs(length) >= least) return `${length > 0 ? "straighten" : "bend"} your ${finger} finger`;
  if (letter === "R" && ["index", "middle"].includes(finger)) return "cross your index and middle finger";
  const [, across, out] = axes(theirs).map((axis) => dot(way, axis));
  if (Math.abs(across) > Math.abs(out)) return `move your ${finger} finger towards your ${across > 0 ? "little finger" : "thumb"}`;
  return `move your ${finger} finger ${out > 0 ? "forwards" : "backwards"}`;
}

/** How to turn the hand as a whole. */
function facing(ours, theirs, {turn}) {
  const [up, , out] = axes(theirs);
  if (dot(axes(ours)[0], up) < Math.cos(turn * Math.PI / 180)) {
    return `point your hand ${Math.abs(up[0]) > Math.abs(up[1]) ? "to the side" : up[1] < 0 ? "up" : "down"}`;
  }
  return `turn your palm ${out[2] < -0.5 ? "to the camera" : out[2] > 0.5 ? "away" : "to the side"}`;
}

/** Of a right hand: from wrist to fingers, from thumb to little finger, and out of the palm; unit vectors. */
function axes(hand) {
  const [up, across] = [difference(hand[9], hand[0]), difference(hand[17], hand[5])];
  const out = [0, 1, 2].map((axis) => {
    const [a, b] = [(axis + 1) % 3, (axis + 2) % 3];
    return up[a] * across[b] - up[b] * across[a];
  });
  return [up, across, out].map((axis) => axis.map((value) => value / Math.max(Math.hypot(...axis), 1e-6)));
}

/** Turn `ours` so that some of its points come closest to `theirs` (Horn, Closed-form solution of absolute orientation using unit
 *  quaternions, 1987): the mean distance of these, the mean distances by finger, the ways from our points to theirs, the degrees. */
function fit(ours, theirs, points) {
  [ours, theirs] = [centred(ours, points), centred(theirs, points)];
  const s = (a, b) => points.reduce((sum, point) => sum + ours[point][a] * theirs[point][b], 0);
  const [w, x, y, z] = largestEigenvector([
    [s(0, 0) + s(1, 1) + s(2, 2), s(1, 2) - s(2, 1), s(2, 0) - s(0, 2), s(0, 1) - s(1, 0)],
    [s(1, 2) - s(2, 1), s(0, 0) - s(1, 1) - s(2, 2), s(0, 1) + s(1, 0), s(2, 0) + s(0, 2)],
    [s(2, 0) - s(0, 2), s(0, 1) + s(1, 0), s(1, 1) - s(0, 0) - s(2, 2), s(1, 2) + s(2, 1)],
    [s(0, 1) - s(1, 0), s(2, 0) + s(0, 2), s(1, 2) + s(2, 1), s(2, 2) - s(0, 0) - s(1, 1)],
  ]);
  const rotation = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
  const ways = ours.map((point, index) => difference(theirs[index], rotation.map((row) => dot(row, point))));
  const distances = ways.map((way) => Math.hypot(...way));
  return {
    rest: mean(points.map((point) => distances[point])),
    ways,
    distances: FINGER.map((finger) => mean(joints(finger).map((joint) => distances[joint]))),
    turn: 2 * Math.acos(Math.min(Math.abs(w), 1)) * 180 / Math.PI,
  };
}

/** Of a symmetric matrix, by Jacobi's rotations (the Jacobi eigenvalue algorithm) */
function largestEigenvector(matrix) {
  const size = matrix.length;
  const vectors = matrix.map((_, i) => matrix.map((_, j) => Number(i === j))); // rows
  for (let sweep = 0; sweep < 12; sweep++) {
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const angle = Math.atan2(2 * matrix[p][q], matrix[q][q] - matrix[p][p]) / 2;
        const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
        const turned = (a, b) => [cosine * a - sine * b, sine * a + cosine * b];
        for (const row of matrix) [row[p], row[q]] = turned(row[p], row[q]);
        for (let k = 0; k < size; k++) {
          [matrix[p][k], matrix[q][k]] = turned(matrix[p][k], matrix[q][k]);
          [vectors[p][k], vectors[q][k]] = turned(vectors[p][k], vectors[q][k]);
        }
      }
    }
  }
  return vectors.reduce((best, vector, i) => (matrix[i][i] > best.value ? {value: matrix[i][i], vector} : best), {value: -Infinity}).vector;
}

/** Knuckle to tip, as a share of the way along the bones: 1 for a straight finger. */
function reach(hand, finger) {
  const [first, ...rest] = joints(finger).map((joint) => hand[joint]);
  const [bones] = rest.reduce(([sum, before], joint) => [sum + distance(before, joint), joint], [0, first]);
  return distance(first, rest.at(-1)) / Math.max(bones, 1e-6);
}

function centred(hand, points) {
  const middle = [0, 1, 2].map((axis) => mean(points.map((point) => hand[point][axis])));
  return hand.map((point) => point.map((value, axis) => value - middle[axis]));
}

const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
const difference = (a, b) => a.map((value, index) => value - b[index]);
const distance = (a, b) => Math.hypot(...difference(a, b));
const mean = (values) => values.reduce((a, b) => a + b) / values.length;
