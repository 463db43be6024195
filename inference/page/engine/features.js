// Landmarks -> the 63 numbers that the model sees: sign2sound/features.py, for a step that has a hand.

const PALM = [[0, 5], [0, 9], [0, 13], [0, 17], [5, 17]]; // the bones whose mean length is the palm's size

/** hand, before: 63 numbers, the 21 landmarks of this step and of the one 1/30 s earlier in pixels; before is null at a stream's start. */
export function featuresOf(hand, before, leftHanded) {
  const palm = PALM.reduce((sum, [from, to]) => sum + distance(hand, from, to), 0) / PALM.length;
  const scale = palm < 1e-6 ? 1 : 1 / palm;
  return Float32Array.from(hand, (value, index) => {
    const axis = index % 3;
    const origin = index < 3 ? (before ?? hand)[axis] : hand[axis]; // in the wrist's own place stands its motion
    return (value - origin) * (leftHanded && axis === 0 ? -scale : scale);
  });
}

function distance(hand, from, to) {
  return Math.hypot(hand[3 * to] - hand[3 * from], hand[3 * to + 1] - hand[3 * from + 1], hand[3 * to + 2] - hand[3 * from + 2]);
}
