// The stage: what the camera or a picture shows, the hand found in it, the letter below it, or a cover that says what to do.

import {announce, byId, drawSkeleton} from "./show.js";

const READABLE = 4000; // milliseconds that a message stays
const WRITTEN = 450; // milliseconds that a written letter lights up
const LIVE = ["stop", "open-again"]; // buttons for while something is shown

export class Stage {
  constructor() {
    this.bones = []; // pairs of landmarks that a bone joins
    this.kept = "go to this server only"; // what the pictures do
  }

  idle() {
    this.empty();
    this.size(4, 3);
    this.cover("Spell with your hand", `Hold up one hand and sign letter by letter. The pictures ${this.kept}, and are not kept.`, {quiet: true});
  }

  /** Nothing is shown any more; a cover is to follow. */
  empty() {
    this.show({hand: null}, 0, 1, 1);
    for (const id of ["hint", "still", ...LIVE]) byId(id).hidden = true;
  }

  /** choices: whether the camera and files are offered; quiet: not to be read aloud. */
  cover(title, message, {choices = true, quiet = !choices} = {}) {
    byId("stage").dataset.state = "idle";
    byId("cover").hidden = false;
    byId("cover-title").textContent = title;
    byId("cover-text").textContent = message;
    byId("cover").querySelector(".row").hidden = !choices;
    if (!quiet) announce(`${title}. ${message}`);
  }

  wait(message) {
    this.cover("One moment", message, {choices: false});
  }

  /** Uncovers the video or the still, of that size. state: `running` or `picture`. */
  uncover(state, width, height, mirrored = false) {
    byId("stage").dataset.state = state;
    byId("view").classList.toggle("mirrored", mirrored);
    byId("cover").hidden = true;
    byId("still").hidden = state !== "picture";
    for (const id of LIVE) byId(id).hidden = false;
    this.size(width, height);
  }

  size(width, height) {
    byId("stage").style.setProperty("--aspect", `${width || 4} / ${height || 3}`);
  }

  /** What was read of a frame of that size; ring: how far the letter's ring is closed, 0 to 1. */
  show({label, top, hand, practice}, ring, width, height) {
    drawSkeleton(byId("skeleton"), hand, this.bones, width, height, practice?.finger);
    const shown = hand && label !== "nothing";
    byId("letter").classList.toggle("none", !shown);
    byId("letter-name").textContent = shown ? label : "";
    byId("letter-name").className = shown && label.length > 1 ? "long" : "";
    byId("ring").style.strokeDashoffset = 1 - ring;
    byId("top").replaceChildren(...(shown ? top : []).map(([name, share]) => {
      const item = document.createElement("li");
      const figure = document.createElement("span");
      figure.textContent = `${Math.round(100 * share)} %`;
      item.append(name, figure);
      return item;
    }));
  }

  /** The letter was written. */
  flash() {
    byId("letter").classList.add("written");
    clearTimeout(this.lit);
    this.lit = setTimeout(() => byId("letter").classList.remove("written"), WRITTEN);
  }

  /** A line below the picture, empty for none, until the next one. */
  hint(message) {
    byId("hint").hidden = !message;
    byId("hint").textContent = message;
  }

  /** A line over the page's lower edge that stays long enough to be read. */
  tell(message) {
    byId("notice").textContent = message;
    byId("notice").hidden = false;
    clearTimeout(this.told);
    this.told = setTimeout(() => { byId("notice").hidden = true; }, READABLE);
    announce(message);
  }
}
