// Where frames come from: the camera or a video file, both through the <video>.

import {keep, recall} from "./settings.js";

const WIDTH = 640; // pixels of what is sent
const QUALITY = 0.7;
const EARLY = 4; // milliseconds that a frame may come before its time

/** What to say where the browser hands pages an empty or false copy of what they draw. */
export const BLANKED = ["The browser hides the pictures from this page",
  "It guards against tracking by what pages draw. Allow this page to read its canvas in the browser's privacy settings, or try another browser."];

/** Whether what is drawn can be read back; some browsers give noise or white instead. */
export function canvasIsTrue() {
  const canvas = Object.assign(document.createElement("canvas"), {width: 16, height: 16});
  const context = canvas.getContext("2d");
  if (!context) return false;
  context.fillStyle = "rgb(200 40 90)";
  context.fillRect(0, 0, 16, 16);
  const pixels = context.getImageData(0, 0, 16, 16).data;
  return pixels.every((value, index) => Math.abs(value - [200, 40, 90, 255][index % 4]) < 16);
}

/** The canvas as a JPEG, or null where the browser gives none. */
export function jpegOf(canvas, quality) {
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
}

/** By its type, or by its name where the browser knows no type for it. */
export function isVideo({type, name}) {
  return type ? /^(video|audio)\//.test(type) : /\.(mov|mkv|mp4|m4v|webm|avi|ogv|mpe?g|3gp)$/i.test(name);
}

/** device: the id of the camera to open, any that looks at the user where it is empty or gone; ended() and muted(): the camera
 *  is gone, or delivers nothing for a while. Gives a promise of whether it looks at the user. */
export async function openCamera(video, device, {ended, muted}) {
  if (!navigator.mediaDevices) throw new DOMException("no secure page", "SecurityError");
  const ask = (which) => navigator.mediaDevices.getUserMedia(
    {video: {width: {ideal: 1280}, height: {ideal: 720}, frameRate: {ideal: 30}, ...which}});
  const facingUser = () => ask({facingMode: "user"});
  const isGone = (error) => (error.name === "OverconstrainedError" ? facingUser() : Promise.reject(error));
  const stream = await (device ? ask({deviceId: {exact: device}}).catch(isGone) : facingUser());
  const [track] = stream.getVideoTracks();
  Object.assign(track, {onended: ended, onmute: muted});
  video.srcObject = stream;
  await video.play();
  return track.getSettings().facingMode !== "environment" && !/\b(back|rear)\b/i.test(track.label);
}

export async function openVideo(video, file) {
  video.srcObject = null;
  video.src = URL.createObjectURL(file);
  await video.play();
  if (!video.videoWidth) throw new DOMException("no picture in it", "NoPicture");
  return false; // nobody looks into a mirror there
}

export function closeVideo(video) {
  video.pause();
  for (const track of video.srcObject?.getTracks() ?? []) {
    track.onended = track.onmute = null;
    track.stop();
  }
  video.srcObject = null;
  if (video.src) URL.revokeObjectURL(video.src);
  video.removeAttribute("src");
  video.load();
}

/** Calls ready() for each new frame of the video until the returned function is called. */
export function watchFrames(video, ready) {
  let watching = true;
  let before = -1;
  const next = video.requestVideoFrameCallback
    ? () => video.requestVideoFrameCallback(step)
    : () => requestAnimationFrame(() => (video.currentTime === before ? next() : step()));
  const step = () => {
    if (!watching) return;
    before = video.currentTime;
    ready();
    next();
  };
  next();
  return () => { watching = false; };
}

export class Camera {
  /** rate: the <select> of how many frames a second are taken at most. */
  constructor(video, rate) {
    this.video = video;
    this.rate = rate;
    rate.value = recall("rate");
    if (rate.selectedIndex < 0) rate.selectedIndex = 0;
    rate.onchange = () => keep("rate", rate.value);
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d", {alpha: false});
    this.taken = -Infinity;
  }

  due() {
    return this.video.videoWidth > 0 && performance.now() - this.taken >= 1000 / this.rate.value - EARLY;
  }

  /** The frame on show, unmirrored: {picture, time, encode}, with the milliseconds that making it took; an ImageBitmap or a JPEG, null
   *  where the browser gives none. */
  async take(asBitmap) {
    const time = this.taken = performance.now();
    const {videoWidth, videoHeight} = this.video;
    const scale = Math.min(1, WIDTH / Math.max(videoWidth, videoHeight));
    const [width, height] = [videoWidth, videoHeight].map((side) => Math.round(side * scale));
    if (asBitmap) {
      const size = {resizeWidth: width, resizeHeight: height, resizeQuality: "medium"};
      const picture = await createImageBitmap(this.video, size).catch(() => null);
      return {picture, time, encode: performance.now() - time};
    }
    Object.assign(this.canvas, {width, height});
    this.context.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    const picture = await jpegOf(this.canvas, QUALITY);
    return {picture, time, encode: performance.now() - time};
  }
}
