// Landmarks -> the 63 numbers that the model sees: sign2sound/features.py, for a step that has a hand.

const PALM = [[0, 5], [0, 9], [0, 13], [0, 17], [5, 17]]; // the bones whose mean length is the palm's size
const STEPS = 30; // a second

/** hand, before: 63 numbers, the 21 landmarks of this step and of the one 1/30 s earlier in pixels; before is null at a stream's start. */
export function featuresOf(hand, before, leftHanded) {
  const shape = shapeOf(hand, leftHanded);
  if (!before) return shape; // it stands still
  const earlier = shapeOf(before, leftHanded);
  const scale = 1 / palmSize(hand);
  const travel = [(hand[0] - before[0]) * (leftHanded ? -scale : scale), (hand[1] - before[1]) * scale];
  let way = 0;
  for (let place = 0; place < shape.length; place += 3) {
    for (const axis of [0, 1]) way += Math.abs(travel[axis] + shape[place + axis] - earlier[place + axis]);
  }
  shape.set([...travel, STEPS * way / 21]); // in the wrist's own place, which is zero else
  return shape;
}

/** The hand as a right one, from its wrist, in palm sizes. */
function shapeOf(hand, leftHanded) {
  const scale = 1 / palmSize(hand);
  return Float32Array.from(hand, (value, index) => (value - hand[index % 3]) * (leftHanded && index % 3 === 0 ? -scale : scale));
}

function palmSize(hand) {
  const size = PALM.reduce((sum, [from, to]) => sum + distance(hand, from, to), 0) / PALM.length;
  return size < 1e-6 ? 1 : size;
}

function distance(hand, from, to) {
  return Math.hypot(hand[3 * to] - hand[3 * from], hand[3 * to + 1] - hand[3 * from + 1], hand[3 * to + 2] - hand[3 * from + 2]);
}
