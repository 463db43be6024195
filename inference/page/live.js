// What the camera or a video shows goes to an engine frame by frame, until it ends or the user stops it.

import {CameraChoice} from "./cameras.js";
import {Engine} from "./engine.js";
import {byId} from "./show.js";
import {BLANKED, Camera, canvasIsTrue, closeVideo, openCamera, openVideo, watchFrames} from "./source.js";

export class Live {
  /** answered(message) gets every message of the engine, a step with `encode`, the milliseconds that taking its frame took; stopped()
   *  is called when no more will come. */
  constructor(stage, answered, stopped) {
    this.stage = stage;
    this.answered = answered;
    this.stopped = stopped;
    this.cameras = new CameraChoice(byId("camera"), () => this.startCamera());
    this.video = byId("video");
    this.camera = new Camera(this.video, byId("rate"));
    this.stream = null;
    this.stopWatching = () => {};
    this.video.onended = () => stage.hint("The video has ended");
  }

  /** Gives whether somebody takes it: nobody does before the welcome, after a stop, or without a connection. */
  send(command) {
    return this.stream?.command(command) ?? false;
  }

  /** Gives a promise of whether frames flow. */
  startCamera() {
    return this.start("Your browser asks whether this page may use the camera.", cameraProblem, () => openCamera(this.video, this.cameras.chosen, {
      ended: () => this.end("The camera is gone", "It was unplugged, or another program took it. Plug it in and start again; your text is still here."),
      muted: () => this.stage.tell("The camera sends no pictures. Is its cover closed, or is another program using it?"),
    }));
  }

  startVideo(file) {
    return this.start("Opening the video.", videoProblem, () => openVideo(this.video, file));
  }

  async start(message, problem, open) {
    this.stop();
    if (!canvasIsTrue()) {
      this.stage.cover(...BLANKED);
      return false;
    }
    this.stage.wait(message);
    let mirrored;
    try {
      mirrored = await open();
    } catch (error) {
      closeVideo(this.video);
      this.stage.cover(...problem(error));
      return false;
    }
    this.cameras.list(this.video.srcObject);
    this.stage.wait("Connecting.");
    return new Promise((connected) => {
      const left = (title, message) => {
        this.end(title, message);
        connected(false);
      };
      const answered = (message) => {
        if (message.type === "welcome") {
          this.stage.uncover("running", this.video.videoWidth, this.video.videoHeight, mirrored);
          this.stopWatching(); // it may have moved from one engine to the other
          this.stopWatching = watchFrames(this.video, () => this.frame());
          connected(true);
        }
        this.answered(message.type === "step" ? {...message, encode: this.encode} : message);
      };
      this.stream = new Engine({answered, left});
    });
  }

  async frame() {
    const to = this.stream;
    if (!to || to.busy || document.hidden || !this.camera.due()) return;
    to.busy = true;
    const {picture, time, encode} = await this.camera.take(to.local);
    if (to !== this.stream) return; // stopped meanwhile
    if (!picture) {
      this.end(...BLANKED);
      return;
    }
    this.encode = encode;
    await to.sendFrame(picture, time);
  }

  stop() {
    const wasOpen = this.stream !== null;
    this.stopWatching();
    this.stream?.close();
    this.stream = null;
    closeVideo(this.video);
    this.stage.empty();
    if (wasOpen) this.stopped();
  }

  end(title, message) {
    this.stop();
    this.stage.cover(title, message);
  }
}

function videoProblem(error) {
  if (error.name === "NoPicture") return ["This file has no picture", "It holds sound only, or pictures of a kind that this browser does not know. MP4 and WebM usually work."];
  return ["This video does not play", "The browser cannot play this file. MP4 and WebM usually work."];
}

function cameraProblem(error) {
  switch (error.name) {
    case "NotAllowedError":
      return ["No permission for the camera", "Allow the camera for this page in the address bar, then start again. A picture or a video works without."];
    case "NotFoundError":
    case "OverconstrainedError":
      return ["No camera found", "Plug one in and start again, or open a picture or a video."];
    case "NotReadableError":
      return ["The camera is busy", "Another program is using it. Close that, then start again."];
    case "SecurityError":
      return ["The browser gives no camera here", "Cameras work on this machine's own address and over https only. A picture or a video works here too."];
    default:
      return ["The camera does not start", error.message];
  }
}
