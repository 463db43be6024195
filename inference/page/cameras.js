// Which camera: a list of those that the browser names, once it may name them.

import {keep, recall} from "./settings.js";

export class CameraChoice {
  /** changed() is called when the user chose another one. */
  constructor(select, changed) {
    this.select = select;
    this.chosen = recall("camera") ?? "";
    select.onchange = () => {
      this.chosen = select.value;
      keep("camera", this.chosen);
      changed();
    };
  }

  /** stream: the camera's that is open; null where none is. */
  async list(stream) {
    this.select.hidden = true;
    if (!stream) return;
    const devices = await navigator.mediaDevices.enumerateDevices();
    const cameras = devices.filter(({kind}) => kind === "videoinput");
    this.select.replaceChildren(...cameras.map(({label, deviceId}, index) => new Option(nameOf(label) || `Camera ${index + 1}`, deviceId)));
    this.select.value = stream.getVideoTracks()[0].getSettings().deviceId;
    this.select.hidden = cameras.length < 2;
  }
}

/** Phones say "camera2 1, facing front"; a person says front camera. */
function nameOf(label) {
  const facing = /facing (front|back)/.exec(label)?.[1];
  if (!facing) return label;
  const number = /camera\d? (\d+)/.exec(label)?.[1];
  return `${facing === "front" ? "Front" : "Back"} camera${number > 1 ? ` ${number}` : ""}`;
}
