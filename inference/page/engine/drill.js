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
    this.lastWrong = false; // whether the last letter counted as wrong, which a correction takes back
  }

  start(word) {
    [this.word, this.done, this.lastWrong] = [word, 0, false];
  }

  skip() {
    this.done = Math.min(this.done + 1, this.word.length);
  }

  /** event: what the speller said to the newest frame; hand: in it; seen: the label read from it. */
  update(event, hand, seen) {
    if (["letter", "corrected"].includes(event?.kind) && this.word[this.done]) {
      if (event.kind === "corrected") this.wrong -= this.lastWrong;
      this.lastWrong = event.text !== this.word[this.done];
      if (this.lastWrong) this.wrong++;
      else [this.right, this.done] = [this.right + 1, this.done + 1];
    }
    const wanted = this.word[this.done];
    let advice = "";
    if (wanted && hand && seen !== wanted) {
      advice = adviceOf(compare(hand, this.values.practice.hands[wanted], this.values.practice), this.values.practice);
      if (!advice && this.values.speller.motion_letters.includes(wanted)) advice = "move your hand as the signer does";
    }
    const {word, done, right, wrong} = this;
    return {word, done, right, wrong, advice};
  }
}

/** How {landmarks, leftHanded} differs from the signer's 21 points in palm sizes: {finger, distance, change, turn}. */
export function compare(hand, theirs, {fingers, change: least}) {
  const flat = featuresOf(hand.landmarks, null, hand.leftHanded);
  const ours = theirs.map((_, point) => [...flat.subarray(3 * point, 3 * point + 3)]);
  const fits = FINGER.map((finger) => fit(ours, theirs, [0, ...FINGER.filter((other) => other !== finger).flatMap(joints)]));
  const odd = fits.reduce((best, {rest}, finger) => (rest < fits[best].rest ? finger : best), 0);
  const length = reach(theirs, odd) - reach(ours, odd);
  const change = Math.abs(length) < least ? "move" : length > 0 ? "straighten" : "bend";
  return {finger: fingers[odd], distance: fits[odd].distances[odd], change, turn: fits[odd].turn};
}

function adviceOf({finger, distance, change, turn}, {close, turn: most}) {
  if (distance < close) return turn > most ? "turn your hand" : "";
  return `${change} your ${finger}${finger === "thumb" ? "" : " finger"}`;
}

/** Turn `ours` so that some of its points come closest to `theirs` (Horn, Closed-form solution of absolute orientation using unit
 *  quaternions, 1987): the mean distance of these, the mean distances by finger, and the degrees of the turn. */
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
  const distances = ours.map((point, index) => distance(rotation.map((row) => dot(row, point)), theirs[index]));
  return {
    rest: mean(points.map((point) => distances[point])),
    distances: FINGER.map((finger) => mean(joints(finger).map((joint) => distances[joint]))),
    turn: 2 * Math.acos(Math.min(Math.abs(w), 1)) * 180 / Math.PI,
  };
}

/** Of a symmetric matrix, by Jacobi's rotations: https://en.wikipedia.org/wiki/Jacobi_eigenvalue_algorithm */
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
const distance = (a, b) => Math.hypot(...a.map((value, index) => value - b[index]));
const mean = (values) => values.reduce((a, b) => a + b) / values.length;
