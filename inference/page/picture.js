// One picture of the user's, read without a stream.

import {announce, byId} from "./show.js";
import {BLANKED, jpegOf} from "./source.js";

const SIDE = 1600; // pixels of an opened picture, at most
const QUALITY = 0.92;

export async function readPicture(stage, file) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    stage.cover("This picture does not open", "The browser cannot read this file. JPEG and PNG always work.");
    return;
  }
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = byId("still");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  stage.wait("Reading the picture.");
  const jpeg = await jpegOf(canvas, QUALITY);
  if (!jpeg) {
    stage.cover(...BLANKED);
    return;
  }
  const body = new FormData();
  body.append("image", jpeg, "picture.jpg");
  let answer;
  try {
    const response = await fetch("predict", {method: "POST", body});
    answer = await response.json();
    if (!response.ok) throw new Error(answer.detail);
  } catch (error) {
    stage.cover("The picture was not read", error.message);
    return;
  }
  stage.uncover("picture", canvas.width, canvas.height);
  const hand = answer.landmarks?.map(([x, y]) => [x / canvas.width, y / canvas.height]);
  stage.show({...answer, hand}, answer.confidence, canvas.width, canvas.height);
  stage.hint(hand ? "" : "No hand found in this picture");
  announce(hand ? `The picture shows ${answer.label}` : "No hand found in this picture");
}
