// Where frames come from: the camera or a video file, both through the <video>.

const WIDTH = 640; // pixels of what is sent
const QUALITY = 0.7;
const SHORTEST = 30; // milliseconds between frames

export async function openCamera(video) {
  if (!navigator.mediaDevices) throw new DOMException("no secure page", "SecurityError");
  const stream = await navigator.mediaDevices.getUserMedia(
    {video: {width: {ideal: 1280}, height: {ideal: 720}, frameRate: {ideal: 30}, facingMode: "user"}});
  video.srcObject = stream;
  await video.play();
}

export async function openVideo(video, file) {
  video.srcObject = null;
  video.src = URL.createObjectURL(file);
  await video.play();
}

export function closeVideo(video) {
  video.pause();
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
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
  constructor(video) {
    this.video = video;
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d", {alpha: false});
    this.taken = -Infinity;
  }

  due() {
    return this.video.videoWidth > 0 && performance.now() - this.taken >= SHORTEST;
  }

  /** The frame on show, unmirrored: {picture, time, encode}, with the milliseconds that making it took. */
  async take() {
    const time = this.taken = performance.now();
    const {videoWidth, videoHeight} = this.video;
    const scale = Math.min(1, WIDTH / Math.max(videoWidth, videoHeight));
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    this.context.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    const picture = await new Promise((done) => this.canvas.toBlob(done, "image/jpeg", QUALITY));
    return {picture, time, encode: performance.now() - time};
  }
}
