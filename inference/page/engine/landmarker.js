// MediaPipe's hand landmarker behind one module: sign2sound/landmarker.py. Runs in a worker.

import {Follower, handSize} from "./follower.js";

self.custom_dbg = (text) => console.debug(text); // MediaPipe's module asks for it, and defines it only outside of modules

const PADDED_SIDE = 1024; // longest side in pixels of a picture before padding

/** Finds {landmarks: Float32Array (63) of x, y, z in pixels, leftHanded} of one hand. grey: whether the newest picture had no colour. */
export class Landmarker {
  /** files: addresses of `vision`, `loader`, `wasm` and `landmarks`; values: of engine.json. Rejects where the browser lacks what it needs. */
  static async open(files, values) {
    const landmarker = new Landmarker();
    const [vision, loader, model] = await Promise.all([import(files.vision), import(files.loader), fetch(files.landmarks)]);
    if (!model.ok) throw new Error(`no landmark model at ${files.landmarks} (status ${model.status})`);
    Object.assign(landmarker, {vision, files, values, factory: loader.default, model: new Uint8Array(await model.arrayBuffer())});
    landmarker.clock = -1;
    await landmarker.start(hasGraphicsCard() ? "GPU" : "CPU").catch(() => landmarker.start("CPU"));
    landmarker.reset();
    return landmarker;
  }

  async start(delegate) {
    this.delegate = delegate;
    const [first] = this.values.passes;
    this.whole = await this.task(first, "IMAGE");
    this.tracker = await this.task(first, "VIDEO");
  }

  async task(pass, runningMode) {
    // MediaPipe takes both from here; its own way of loading them fails in a worker that is a module.
    self.ModuleFactory = this.factory;
    self.Module = {print: console.debug, printErr: console.debug};
    const fileset = {wasmLoaderPath: "", wasmBinaryPath: this.files.wasm};
    return this.vision.HandLandmarker.createFromOptions(fileset, {
      baseOptions: {modelAssetBuffer: this.model, delegate: this.delegate},
      runningMode,
      numHands: 1,
      minHandDetectionConfidence: pass.detection,
      minHandPresenceConfidence: this.values.confidence,
      minTrackingConfidence: this.values.confidence,
    });
  }

  /** Forget the frames that `track` saw, and whose hand it followed; the next may come at any time. */
  reset() {
    if (this.clock >= 0) this.letGo({width: 16, height: 16}, 0);
    this.follower = new Follower(this.values);
    this.tracking = false;
    this.shown = null; // the tracker is to see its surroundings only, so that it takes up no other
  }

  /** The hand in a video frame, an ImageBitmap, at `time` seconds; null for none. */
  track(frame, time) {
    let hand = this.trackOn(this.shown ? blackened(frame, this.shown) : frame, time);
    this.shown = null;
    if (!hand && this.tracking) {
      hand = this.trackOn(frame, time); // having lost a hand, the tracker looks for one all over the frame
      this.tracking = false;
    }
    if (!this.tracking) {
      const chosen = this.follower.found(hand ? [hand, ...this.others(frame, hand)] : [], time);
      if (chosen !== hand) {
        this.letGo(frame, time);
        hand = this.shown = chosen;
      }
    } else if (this.follower.lookDue(hand, time) && this.follower.looked(this.others(frame, hand), time)) {
      this.letGo(frame, time);
      hand = null;
    }
    this.tracking = Boolean(hand);
    return hand;
  }

  trackOn(frame, time) {
    this.clock = Math.max(this.clock + 1, Math.round(1000 * time));
    return this.detect(frame, (image) => this.tracker.detectForVideo(image, this.clock))[0] ?? null;
  }

  /** In a black frame the tracker loses its hand, and takes up a new one in the next. */
  letGo(frame, time) {
    this.trackOn(canvasOf(frame.width, frame.height).image, time);
  }

  /** The hand that a frame shows beside `hand`, if there is one. */
  others(frame, hand) {
    return this.detect(without(frame, hand), (image) => this.whole.detect(image));
  }

  /** The hand of a still, an ImageBitmap; null for none. */
  async find(picture) {
    for (const pass of this.values.passes) {
      const task = await this.task(pass, "IMAGE"); // for this look alone: pictures are rare, and each task keeps 60 MB
      try {
        const {image, scale, left, top} = prepared(picture, pass);
        const [hand] = this.detect(image, (look) => task.detect(look));
        if (hand) return {...hand, landmarks: hand.landmarks.map((value, place) => (value - [left, top, 0][place % 3]) / scale)};
      } finally {
        task.close();
      }
    }
    return null;
  }

  detect(image, look) {
    this.grey = isGrey(image, this.values.grey);
    const {landmarks, handedness} = look(this.grey ? reddened(image, this.values.grey.tint) : image);
    // x and y are shares of the picture's width and height; z is on x's scale.
    return landmarks.map((points, index) => ({
      landmarks: Float32Array.from(points.flatMap(({x, y, z}) => [x * image.width, y * image.height, z * image.width])),
      leftHanded: handedness[index][0].categoryName === "Left",
    }));
  }
}

const SMALL = canvasOf(64, 64, {willReadFrequently: true}); // read back for each frame

/** Whether a picture has no colour, as those of infra-red cameras. */
function isGrey(picture, {coloured, few, contrast}) {
  SMALL.context.imageSmoothingEnabled = false; // pixels as they are
  SMALL.context.drawImage(picture, 0, 0, 64, 64);
  const {data} = SMALL.context.getImageData(0, 0, 64, 64);
  let [count, darkest, brightest] = [0, 255, 0];
  for (let place = 0; place < data.length; place += 4) {
    const high = Math.max(data[place], data[place + 1], data[place + 2]);
    if (high - Math.min(data[place], data[place + 1], data[place + 2]) > coloured) count++;
    darkest = Math.min(darkest, high);
    brightest = Math.max(brightest, high);
  }
  return count < few * 64 * 64 && brightest - darkest > contrast;
}

/** MediaPipe looks for skin. */
function reddened(picture, tint) {
  const {image, context} = canvasOf(picture.width, picture.height);
  context.drawImage(picture, 0, 0);
  context.globalCompositeOperation = "lighter";
  context.fillStyle = `rgb(${tint} 0 0)`;
  context.fillRect(0, 0, picture.width, picture.height);
  return image;
}

/** The picture as one pass looks at it, and how to get back: the scale, and the pixels added on the left and on top. */
function prepared(picture, {padding, black, gamma}) {
  if (!padding) return {image: picture, scale: 1, left: 0, top: 0};
  const scale = Math.min(1, PADDED_SIDE / Math.max(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  const [left, top] = [width, height].map((side) => Math.round(side * padding));
  const {image, context} = canvasOf(width + 2 * left, height + 2 * top);
  if (!black) { // the border's pixels repeated: rows and columns of one pixel, drawn wide
    context.imageSmoothingEnabled = false;
    for (const [fromX, toX, wide] of [[0, 0, left], [picture.width - 1, left + width, left]]) {
      for (const [fromY, toY, high] of [[0, 0, top], [picture.height - 1, top + height, top]]) {
        context.drawImage(picture, fromX, fromY, 1, 1, toX, toY, wide, high);
        context.drawImage(picture, 0, fromY, picture.width, 1, left, toY, width, high);
      }
      context.drawImage(picture, fromX, 0, 1, picture.height, toX, top, wide, height);
    }
    context.imageSmoothingEnabled = true;
  }
  context.drawImage(picture, left, top, width, height);
  if (gamma !== 1) {
    const pixels = context.getImageData(left, top, width, height);
    const curve = Uint8Array.from({length: 256}, (_, value) => Math.round(255 * (value / 255) ** gamma));
    pixels.data.forEach((value, place) => { if (place % 4 < 3) pixels.data[place] = curve[value]; });
    context.putImageData(pixels, left, top);
  }
  return {image, scale, left, top};
}

/** The frame, black but for a hand and a hand's width around it. */
function blackened(frame, hand) {
  const {image, context} = canvasOf(frame.width, frame.height);
  const [left, top, width, height] = boxOf(hand, handSize(hand), frame);
  if (width > 0 && height > 0) context.drawImage(frame, left, top, width, height, left, top, width, height);
  return image;
}

/** The frame, the hand in it black. */
function without(frame, hand) {
  const {image, context} = canvasOf(frame.width, frame.height);
  context.drawImage(frame, 0, 0);
  context.fillRect(...boxOf(hand, handSize(hand) / 2, frame));
  return image;
}

/** Left, top, width and height of a hand and `margin` pixels around it. */
function boxOf(hand, margin, frame) {
  const [x, y] = [0, 1].map((axis) => hand.landmarks.filter((_, place) => place % 3 === axis));
  const [left, top] = [x, y].map((values) => Math.max(Math.trunc(Math.min(...values) - margin), 0));
  const width = Math.min(Math.trunc(Math.max(...x) + margin), frame.width) - left;
  const height = Math.min(Math.trunc(Math.max(...y) + margin), frame.height) - top;
  return [left, top, width, height];
}

function canvasOf(width, height, settings) {
  const image = new OffscreenCanvas(width, height);
  const context = image.getContext("2d", {alpha: false, ...settings}); // black at first
  context.imageSmoothingQuality = "high";
  return {image, context};
}

/** Whether WebGL draws with a graphics card: in software it is slower than MediaPipe on the processor. */
function hasGraphicsCard() {
  const context = new OffscreenCanvas(1, 1).getContext("webgl2");
  const about = context?.getExtension("WEBGL_debug_renderer_info");
  return Boolean(about) && !/swiftshader|llvmpipe|software|basic render/i.test(context.getParameter(about.UNMASKED_RENDERER_WEBGL));
}
