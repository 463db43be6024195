// The synthetic signer: how its hand moves from letter to letter, and how it looks. What it is made of is `signer.json`, which
// sign2sound/signer.py wrote, where each of these steps is explained.

const FAR = 1e4; // the depth where there is no hand
const NEAREST = 0.6; // of the picture: the largest palm in a picture of one sign
const FILLED = 0.86; // of the picture that a sign takes
const THUMB = 0.22; // how much lighter it is drawn than the fingers: where it is tells A, E, M, N, S and T apart
const TURN = Math.PI / 4; // about the vertical axis, of the view from the side

let loading;

/** Gives a promise of the signer; the same for all who ask. */
export function loadSigner() {
  loading ??= fetch("signer.json").then((answer) => answer.json()).then((data) => new Signer(data));
  loading.catch(() => { loading = null; }); // so that the next one asks again
  return loading;
}

const add = (a, b, by = 1) => [a[0] + by * b[0], a[1] + by * b[1], a[2] + by * b[2]];
const sub = (a, b) => add(a, b, -1);
const times = (a, by) => [a[0] * by, a[1] * by, a[2] * by];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const size = (a) => Math.hypot(...a);
const unit = (a) => times(a, 1 / Math.max(size(a), 1e-6));
const moved = (pose, by) => pose.map((point) => add(point, by));
const clip = (value, low, high) => Math.min(Math.max(value, low), high);

// Matrices are three rows.
const apply = (matrix, v) => matrix.map((row) => dot(row, v));
const transposed = ([a, b, c]) => [0, 1, 2].map((i) => [a[i], b[i], c[i]]);
const product = (a, b) => {
  const columns = transposed(b);
  return a.map((row) => columns.map((column) => dot(row, column)));
};

export class Signer {
  constructor(data) {
    this.data = data;
    this.bones = data.chains.flatMap((chain) => chain.slice(1).map((end, index) => [chain[index], end, index]));
  }

  get letters() {
    return Object.keys(this.data.signs).filter((label) => label.length === 1).sort();
  }

  /** How a word, A to Z, is spelled at `speed` letters/s: {seconds, at}, with at(time) the 21 landmarks in palm sizes about
   *  the picture's middle. */
  spelling(word, speed) {
    const keys = this.keyPoses([...word], speed);
    let end = 0;
    for (const key of keys) key.until = end += key.seconds;
    return {
      seconds: end,
      at: (time) => {
        let after = keys.findIndex(({until}) => time < until);
        if (after < 0) after = keys.length - 1;
        after = Math.max(after, 1);
        const {seconds, until} = keys[after];
        const share = clip(1 - (until - time) / Math.max(seconds, 1e-6), 0, 1);
        return this.between(keys[after - 1].pose, keys[after].pose, share * share * (3 - 2 * share));
      },
    };
  }

  keyPoses(letters, speed) {
    const {signs, move, rise, away, slide, out, motion_rate: rate, longest_motion: longest} = this.data;
    const way = Math.min(move, 0.5 / speed);
    const hold = 1 / speed - way;
    const keys = [];
    const key = (seconds, pose, by = [0, 0, 0]) => keys.push({seconds, pose: moved(pose, by)});
    let aside = [0, 0, 0];
    letters.forEach((letter, index) => {
      const sign = signs[letter];
      const before = index ? signs[letters[index - 1]].at(-1) : null;
      const again = letter === letters[index - 1];
      if (!before) {
        key(0, sign[0], out);
        key(rise, sign[0]);
      } else if (again && way === move) {
        key(way, before, out);
        key(away, sign[0], out);
        key(way, sign[0]);
      } else {
        aside = again ? sub(slide, aside) : [0, 0, 0];
        key(way, sign[0], aside);
      }
      for (const pose of sign.slice(1)) key(Math.min(1 / rate, longest / speed / sign.length), pose, aside);
      key(sign.length === 1 ? hold : hold / 2, sign.at(-1), aside);
    });
    key(rise, signs[letters.at(-1)].at(-1), out);
    return keys;
  }

  /** The hand on the way from pose `a` to `b`: joints turn, so bones keep their lengths. */
  between(a, b, share) {
    const from = this.joints(a);
    const to = this.joints(b);
    const palm = product(partOf(product(to.palm, transposed(from.palm)), share), from.palm);
    const landmarks = [add(a[0], sub(b[0], a[0]), share)];
    let frame;
    this.bones.forEach(([start, end, place], index) => {
      if (place === 0) frame = palm;
      const direction = turned(from.bones[index], to.bones[index], share);
      landmarks[end] = add(landmarks[start], apply(frame, direction));
      frame = product(frame, turnTo(direction));
    });
    return landmarks;
  }

  /** The palm's rotation, and the bones of thumb and fingers, each as seen from the one before. */
  joints(pose) {
    const up = unit(sub(pose[9], pose[0]));
    const normal = unit(cross(up, sub(pose[17], pose[5])));
    const palm = transposed([cross(up, normal), up, normal]);
    let frame;
    const bones = this.bones.map(([start, end, place]) => {
      if (place === 0) frame = palm;
      const bone = apply(transposed(frame), sub(pose[end], pose[start]));
      frame = product(frame, turnTo(bone));
      return bone;
    });
    return {palm, bones};
  }

  /** One sign, as large as it goes in the canvas. share: of its motion, 0 to 1; path: draw the way of the fingertip, too. */
  drawSign(canvas, letter, {view = "front", share = 0, path = false} = {}) {
    let poses = this.data.signs[letter];
    if (view !== "front") {
      const [cosine, sine] = [Math.cos(TURN), Math.sin(TURN)];
      poses = poses.map((pose) => pose.map(([x, y, z]) => [cosine * x + sine * z, y, cosine * z - sine * x]));
    }
    const all = poses.flat();
    const [x0, x1, y0, y1] = [0, 1].flatMap((axis) => {
      const values = all.map((point) => point[axis]);
      return [Math.min(...values) - 0.12, Math.max(...values) + 0.12]; // a fingertip's radius
    });
    const palm = Math.min(NEAREST, FILLED / Math.max(x1 - x0, y1 - y0));
    const place = (pose) => pose.map(([x, y, z]) => [
      (x - (x0 + x1) / 2) * palm + 0.5, (y - (y0 + y1) / 2) * palm + 0.5, z * palm]);
    const at = share * (poses.length - 1);
    const before = Math.floor(at);
    const pose = poses[before + 1] ? this.between(poses[before], poses[before + 1], at - before) : poses[before];
    this.draw(canvas, place(pose));
    if (path && poses.length > 1) {
      const context = canvas.getContext("2d");
      const tips = poses.map((each) => place(each)[letter === "J" ? 20 : 8]);
      context.lineWidth = canvas.width / 60;
      context.lineJoin = context.lineCap = "round";
      context.strokeStyle = getComputedStyle(canvas).color;
      context.beginPath();
      tips.forEach(([x, y]) => context.lineTo(x * canvas.width, y * canvas.height));
      context.stroke();
    }
  }

  /** The hand on a clear ground. landmarks: 21 of x, y, z, shares of the canvas, which is as wide as high. */
  draw(canvas, landmarks) {
    const width = canvas.width;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, width);
    const points = landmarks.map((point) => times(point, width));
    const knuckles = [5, 9, 13, 17].map((index) => size(sub(points[index], points[0])));
    const palm = (knuckles.reduce((a, b) => a + b) + size(sub(points[17], points[5]))) / 5;
    const places = [...points, ...innerPoints(points, palm)];
    const isThumb = (a, b) => Math.min(a, b) > 1 && Math.max(a, b) < 5;
    const parts = this.data.parts.map(([a, b, r, s]) => [places[a], places[b], r * palm, s * palm, isThumb(a, b)]);
    const box = boxOf(parts, width, 0.06 * palm);
    if (!box) return;
    const picture = context.createImageData(box.width, box.height);
    const {depth, thumb} = depthOf(parts, box, 0.06 * palm);
    const {light, opacity} = shade(depth, box, palm);
    this.paintNails(light, depth, box, points, palm);
    const {skin, shadow} = this.data;
    for (let i = 0; i < light.length; i++) {
      const tone = light[i] * (1 + THUMB * thumb[i]);
      for (let c = 0; c < 3; c++) picture.data[4 * i + c] = shadow[c] + (skin[c] - shadow[c]) * tone;
      picture.data[4 * i + 3] = 255 * opacity[i];
    }
    context.putImageData(picture, box.left, box.top);
  }

  paintNails(light, depth, box, points, palm) {
    const outOfPalm = unit(cross(sub(points[9], points[0]), sub(points[17], points[5])));
    this.data.chains.forEach((chain, finger) => {
      const [knuckle, joint, tip] = chain.slice(-3);
      const radius = this.data.nails[finger] * palm;
      const along = unit(sub(points[tip], points[joint]));
      let pad = finger === 0 // the thumb's pad looks at the knuckles
        ? add(unit(sub(add(points[5], points[9]), add(points[joint], points[tip]))), outOfPalm, 0.5)
        : cross(along, cross(outOfPalm, sub(points[knuckle], points[knuckle - 1])));
      pad = unit(add(pad, along, -dot(pad, along)));
      const across = cross(along, pad);
      const [tipX, tipY, tipZ] = points[tip];
      const reach = 1.6 * radius;
      for (let y = Math.max(Math.floor(tipY - reach) - box.top, 0); y < Math.min(tipY + reach - box.top + 1, box.height); y++) {
        for (let x = Math.max(Math.floor(tipX - reach) - box.left, 0); x < Math.min(tipX + reach - box.left + 1, box.width); x++) {
          const i = y * box.width + x;
          const dx = x + box.left - tipX;
          const dy = y + box.top - tipY;
          const dz = depth[i] - tipZ;
          const towards = (axis) => (dx * axis[0] + dy * axis[1] + dz * axis[2]) / radius;
          const back = -towards(pad);
          if (back >= 1.6) continue; // further off, the surface is another finger's
          const onBack = clip(4 * back - 1.7, 0, 1);
          const outline = (towards(along) / 0.75) ** 2 + (towards(across) / 0.72) ** 2; // 1 on the nail's edge
          light[i] *= 1 - 0.35 * clip(1 - 4 * Math.abs(outline - 1.05), 0, 1) * onBack;
          light[i] += (0.15 * light[i] + 0.12) * clip(4 - 4 * outline, 0, 1) * onBack;
        }
      }
    });
  }
}

/** The smallest rotation that takes (0, 1, 0) to the direction of a bone. */
function turnTo(bone) {
  const [x, y, z] = times(bone, 1 / size(bone));
  const k = 1 / Math.max(1 + y, 1e-6);
  return [[1 - k * x * x, x, -k * x * z], [-x, y, -z], [-k * x * z, z, 1 - k * z * z]];
}

/** A share of a rotation, about the same axis (Rodrigues' formula). */
function partOf(rotation, share) {
  const angle = Math.acos(clip((rotation[0][0] + rotation[1][1] + rotation[2][2] - 1) / 2, -1, 1));
  const [x, y, z] = unit([rotation[2][1] - rotation[1][2], rotation[0][2] - rotation[2][0], rotation[1][0] - rotation[0][1]]);
  const [c, s] = [Math.cos(share * angle), Math.sin(share * angle)];
  const k = 1 - c;
  return [[c + k * x * x, k * x * y - s * z, k * x * z + s * y],
    [k * x * y + s * z, c + k * y * y, k * y * z - s * x],
    [k * x * z - s * y, k * y * z + s * x, c + k * z * z]];
}

/** A vector on the way from `a` to `b` along an arc. */
function turned(a, b, share) {
  const [sizeA, sizeB] = [size(a), size(b)];
  const [from, to] = [times(a, 1 / sizeA), times(b, 1 / sizeB)];
  const angle = Math.acos(clip(dot(from, to), -1, 1));
  const direction = angle < 1e-3
    ? add(from, sub(to, from), share)
    : times(add(times(from, Math.sin((1 - share) * angle)), to, Math.sin(share * angle)), 1 / Math.max(Math.sin(angle), 1e-6));
  return times(direction, sizeA + share * (sizeB - sizeA));
}

/** The ends of parts that are no landmarks. */
function innerPoints(points, palm) {
  const wrist = points[0];
  const across = unit(sub(points[17], points[5]));
  const thumbSide = add(wrist, across, -0.13 * palm);
  const up = unit(sub(points[9], wrist));
  const arm = unit(sub([0, 0.8, 0], [0.6 * up[0], 0.6 * up[1], 0.2 * up[2]]));
  const side = cross(arm, [0, 0, 1]);
  const outwards = Math.sign(dot(side, across));
  const elbow = add(wrist, arm, 5 * palm);
  return [
    ...[-1, 0, 1].map((k) => add(wrist, across, k * 0.11 * palm)),
    ...[-1, 0, 1].map((k) => add(elbow, side, outwards * k * 0.2 * palm)),
    ...[0, 1, 2, 3].map((k) => add(thumbSide, across, k * 0.26 / 3 * palm)),
    times(add(points[5], thumbSide), 0.5),
  ];
}

function boxOf(parts, width, margin) {
  const edge = (axis, sign) => Math.max(...parts.flatMap(([a, b, r, s]) => [sign * a[axis] + r, sign * b[axis] + s])) + margin;
  const [left, top] = [0, 1].map((axis) => clip(Math.floor(-edge(axis, -1)), 0, width));
  const [right, bottom] = [0, 1].map((axis) => clip(Math.ceil(edge(axis, 1)), 0, width));
  return left < right && top < bottom ? {left, top, width: right - left, height: bottom - top} : null;
}

/** Depth of the parts' front at each pixel of the box, melted together over `blend` pixels of depth, and how much of it is of
 *  the thumb. */
function depthOf(parts, box, blend) {
  const depth = new Float32Array(box.width * box.height).fill(FAR);
  const thumb = new Float32Array(depth.length);
  for (const [a, b, r, s, isThumb] of parts) {
    const x0 = Math.max(Math.floor(Math.min(a[0] - r, b[0] - s)) - box.left, 0);
    const x1 = Math.min(Math.ceil(Math.max(a[0] + r, b[0] + s)) - box.left + 1, box.width);
    const y0 = Math.max(Math.floor(Math.min(a[1] - r, b[1] - s)) - box.top, 0);
    const y1 = Math.min(Math.ceil(Math.max(a[1] + r, b[1] + s)) - box.top + 1, box.height);
    const front = capsuleFront(a, b, r, s);
    for (let y = y0; y < y1; y++) {
      for (let x = x0, i = y * box.width + x0; x < x1; x++, i++) {
        const z = front(x + box.left, y + box.top);
        const share = clip(0.5 + 0.5 * (depth[i] - z) / blend, 0, 1);
        depth[i] += (z - depth[i]) * share - blend * share * (1 - share);
        thumb[i] += (isThumb - thumb[i]) * share;
      }
    }
  }
  return {depth, thumb};
}

/** Returns a function that gives the depth of a tapered capsule's front at a pixel, or FAR. */
function capsuleFront(a, b, r, s) {
  const axis = sub(b, a);
  const taper = r - s;
  const length2 = dot(axis, axis);
  const cone2 = length2 - taper * taper;
  const k2 = cone2 - axis[2] * axis[2];
  const ball = (dx, dy, z, radius) => {
    const root = radius * radius - dx * dx - dy * dy;
    return root < 0 ? FAR : z - Math.sqrt(root);
  };
  return (x, y) => {
    const dx = x - a[0];
    const dy = y - a[1];
    const balls = Math.min(ball(dx, dy, a[2], r), ball(x - b[0], y - b[1], b[2], s));
    if (cone2 <= 0 || k2 <= 1e-6) return balls; // one ball within the other, or seen along the axis
    const along = axis[0] * dx + axis[1] * dy - axis[2] * a[2];
    const k1 = -cone2 * a[2] - along * axis[2] + axis[2] * taper * r;
    const k0 = cone2 * (dx * dx + dy * dy + a[2] * a[2]) - along * along + along * (2 * taper * r) - length2 * r * r;
    const root = k1 * k1 - k0 * k2;
    if (root < 0) return balls;
    const cone = (-Math.sqrt(root) - k1) / k2;
    const height = along - r * taper + cone * axis[2];
    return height > 0 && height < cone2 ? Math.min(balls, cone) : balls;
  };
}

/** Light, around 0 to 1, and opacity, 0 to 1, of each pixel. */
function shade(depth, box, palm) {
  const {width, height} = box;
  const mask = depth.map((value) => (value < FAR / 2 ? 1 : 0));
  const inside = depth.map((value, index) => value * mask[index]);
  const blurred = (share) => {
    const radius = Math.max(1, Math.round(share * palm));
    const values = boxBlur(inside, width, height, radius);
    const weights = boxBlur(mask, width, height, radius);
    for (let i = 0; i < values.length; i++) values[i] /= Math.max(weights[i], 1e-3);
    return values;
  };
  const smooth = blurred(0.03);
  const wide = blurred(0.15);
  const soft = boxBlur(mask, width, height, 1);
  const lamp = unit([-0.45, -0.6, -0.66]); // upper left, behind the camera
  const light = new Float32Array(depth.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (!soft[i]) continue;
      const slopeX = (smooth[i + (x < width - 1)] - smooth[i - (x > 0)]) / 2;
      const slopeY = (smooth[i + (y < height - 1) * width] - smooth[i - (y > 0) * width]) / 2;
      const facing = 1 / Math.sqrt(slopeX * slopeX + slopeY * slopeY + 1);
      const diffuse = clip(0.35 + 0.65 * (slopeX * lamp[0] + slopeY * lamp[1] - lamp[2]) * facing, 0, 1);
      const hollow = clip((smooth[i] - wide[i]) / (0.1 * palm), 0, 1);
      light[i] = diffuse * (1 - 0.6 * hollow) * (0.75 + 0.25 * facing);
    }
  }
  return {light, opacity: soft.map((value) => clip(1.6 * value - 0.5, 0, 1))};
}

/** The mean over 2 × radius + 1 pixels each way, by running sums. */
function boxBlur(plane, width, height, radius) {
  const across = new Float32Array(plane.length);
  const both = new Float32Array(plane.length);
  const share = 1 / (2 * radius + 1);
  for (let y = 0; y < height; y++) {
    const start = y * width;
    let sum = 0;
    for (let x = -radius; x < width; x++) {
      if (x + radius < width) sum += plane[start + x + radius];
      if (x > radius) sum -= plane[start + x - radius - 1];
      if (x >= 0) across[start + x] = sum * share;
    }
  }
  const sums = new Float64Array(width); // of all columns at once: memory is read in its order
  for (let y = -radius; y < height; y++) {
    const [enters, leaves, here] = [y + radius, y - radius - 1, y].map((row) => row * width);
    for (let x = 0; x < width; x++) {
      if (y + radius < height) sums[x] += across[enters + x];
      if (y > radius) sums[x] -= across[leaves + x];
      if (y >= 0) both[here + x] = sums[x] * share;
    }
  }
  return both;
}
