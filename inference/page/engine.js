// Who reads the frames: this browser, or the server. Both take the same frames and commands, and answer with the same messages.

import {BLANKED, jpegOf} from "./source.js";
import {Stream} from "./stream.js";

const QUALITY = 0.92; // of the JPEG of a picture
const NEEDS_SERVER = ["teach", "forget"];

/** server: whether one is there; files: addresses of what the browser reads with, null where it is not to; model: what the weights are
 *  of; values: those of Python. Without an answer it is left to the stream to say that the server is gone. */
const about = fetch("engine.json").then((answer) => answer.json()).catch(() => ({server: true, files: null}));

/** A promise of what is there: {server}, and whether the browser reads by itself, {here}. */
export const reader = about.then(({server, files}) => {
  const forced = new URLSearchParams(location.search).get("engine") === "server";
  return {server, here: Boolean(files) && !forced && "OffscreenCanvas" in globalThis};
});

/** One stream of frames, as Stream is. Teaching needs the server: the stream moves there when it is asked for. */
export class Engine {
  constructor(handlers) {
    this.handlers = handlers;
    this.open();
  }

  async open() {
    const {here, server} = await reader;
    if (here) {
      try {
        const worker = await openWorker();
        if (!this.closed) this.stream = new LocalStream(worker, this.handlers);
        return;
      } catch (error) {
        if (!server) {
          if (!this.closed) this.handlers.left("This browser cannot read hands", `A newer one may. It says: ${error.message}`);
          return;
        }
      }
    }
    if (!this.closed) this.stream = new Stream(this.handlers);
  }

  /** Whether a frame is on its way; the next is taken when it is answered. */
  get busy() {
    return this.stream?.busy ?? true;
  }

  set busy(value) {
    this.stream.busy = value;
  }

  /** Whether frames are to be ImageBitmaps, not JPEGs. */
  get local() {
    return this.stream instanceof LocalStream;
  }

  async sendFrame(picture, time) {
    const fits = picture instanceof ImageBitmap === this.local; // else the stream has moved while it was taken
    if (fits) await this.stream.sendFrame(picture, time);
  }

  /** Gives whether somebody takes it. */
  command(command) {
    if (!this.local || !NEEDS_SERVER.includes(command.do)) return this.stream?.command(command) ?? false;
    this.moveToServer(command);
    return true;
  }

  moveToServer(command) {
    const {answered, left} = this.handlers;
    this.stream.close();
    this.stream = new Stream({left, answered: (message) => {
      if (message.type === "welcome") this.busy = false;
      answered(message);
      if (message.type === "welcome") this.stream.command(command);
    }});
    this.busy = true; // until it is open
  }

  close() {
    this.closed = true;
    this.stream?.close();
  }
}

/** A stream read by the worker. */
class LocalStream {
  constructor(worker, {answered, left}) {
    this.worker = worker;
    this.busy = false;
    let welcomed = false; // what comes before answers an earlier stream
    worker.onmessage = ({data: message}) => {
      welcomed ||= message.type === "welcome";
      if (!welcomed) return;
      if (message.type === "step" || message.type === "error") this.busy = false;
      if (message.type === "step") message.roundTrip = performance.now() - this.sent;
      answered(message);
    };
    worker.onerror = ({message}) => left("The reading has stopped", `${message ?? "Its worker ended."} Your text is still here.`);
    worker.postMessage({start: true});
  }

  /** frame: an ImageBitmap; time: milliseconds of performance.now() at which it was taken. */
  sendFrame(frame, time) {
    this.sent = performance.now();
    this.worker.postMessage({frame, time: time / 1000}, [frame]);
  }

  command(command) {
    this.worker.postMessage({command});
    return true;
  }

  close() {
    this.worker.onmessage = this.worker.onerror = null;
  }
}

let opening; // a promise of the page's one worker, loaded by the first who needs it

function openWorker() {
  opening ??= about.then(({files, ...engine}) => new Promise((ready, failed) => {
    // A worker made of a blob is bound by the page's content security policy; one with an address of its own is not.
    const script = `import ${JSON.stringify(new URL("./engine/worker.js", import.meta.url).href)};`;
    const worker = new Worker(URL.createObjectURL(new Blob([script], {type: "text/javascript"})), {type: "module"});
    const fail = (message) => {
      worker.terminate();
      failed(new Error(message ?? "the worker does not load"));
    };
    worker.onmessage = ({data}) => (data.type === "ready" ? ready(worker) : fail(data.message));
    worker.onerror = ({message}) => fail(message);
    const addresses = Object.entries(files).map(([name, file]) => [name, new URL(file, document.baseURI).href]);
    worker.postMessage({engine: {...engine, files: Object.fromEntries(addresses)}});
  }));
  opening.catch(() => { opening = null; }); // the network may be back next time
  return opening;
}

/** The letter in the picture on a canvas: {label, confidence, top, hand}, the hand's points as shares of its size; from the server where
 *  there is one. Rejects with what the user should know. */
export async function readStill(canvas) {
  if (!(await reader).server) {
    const [worker, picture] = await Promise.all([openWorker(), createImageBitmap(canvas)]);
    return new Promise((done, failed) => {
      worker.onmessage = ({data}) => { // of a stream that was stopped, the last step may still come
        if (data.type === "picture") done(data);
        if (data.type === "error") failed(new Error(data.message));
      };
      worker.postMessage({picture}, [picture]);
    });
  }
  const jpeg = await jpegOf(canvas, QUALITY);
  if (!jpeg) throw new Error(BLANKED.join(". "));
  const body = new FormData();
  body.append("image", jpeg, "picture.jpg");
  const response = await fetch("predict", {method: "POST", body});
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return {...answer, hand: answer.landmarks?.map(([x, y]) => [x / canvas.width, y / canvas.height])};
}
