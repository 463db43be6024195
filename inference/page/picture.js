// One picture of the user's, read without a stream.

import {readStill} from "./engine.js";
import {announce, byId} from "./show.js";

const SIDE = 1600; // pixels of an opened picture, at most

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
  let answer;
  try {
    answer = await readStill(canvas);
  } catch (error) {
    stage.cover("The picture was not read", error.message);
    return;
  }
  stage.uncover("picture", canvas.width, canvas.height);
  stage.show(answer, answer.confidence, canvas.width, canvas.height);
  stage.hint(answer.hand ? "" : "No hand found in this picture");
  announce(answer.hand ? `The picture shows ${answer.label}` : "No hand found in this picture");
}
