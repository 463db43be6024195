// Teach it your hand: which letters, the lesson, and what became of it.

import {byId, settle} from "./show.js";
import {showSign} from "./signs.js";

const LETTERS = [..."ABCDEFGHIKLMNOPQRSTUVWXY"]; // J and Z move
const HINTS = {"no hand": "Show your hand to the camera.", "hold still": "Hold still."};

const ENDS = {
  adapting: "Learning your hand… Go on meanwhile; your hand is read more slowly until it is done.",
  nothing: "No letter was signed, so nothing was taught.",
  saved: "Your profile is saved on this computer. Your hand is read with it from now on.",
  adopted: "Your hand is read with your profile until you leave this page.",
};

export class Teach {
  /** start() gives a promise of frames flowing. */
  constructor(send, start) {
    this.send = send;
    this.status = settle(byId("teach-status"));
    const boxes = LETTERS.map((letter) => {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), {type: "checkbox", value: letter, checked: true});
      label.append(box, letter);
      byId("letters").append(label);
      return box;
    });
    const tick = (checked) => boxes.forEach((box) => { box.checked = checked; });
    byId("all").onclick = () => tick(true);
    byId("none").onclick = () => tick(false);
    byId("teach").onclick = async () => {
      const letters = boxes.filter(({checked}) => checked).map(({value}) => value).join("");
      this.result(letters ? "" : "Choose at least one letter.");
      if (letters && await start()) this.send({do: "teach", text: letters});
    };
    byId("teach-skip").onclick = () => this.send({do: "skip"});
    byId("teach-cancel").onclick = () => {
      this.send({do: "spell"});
      this.leave();
    };
    byId("forget").onclick = () => {
      if (!confirm("Delete the profile of your hand?")) return;
      this.forgetting = this.send({do: "forget"});
      if (!this.forgetting) this.result("Not deleted: start the camera first, since the profile lies where the hand is read.");
    };
  }

  showProfile(there) {
    byId("forget").hidden = !there;
    if (this.forgetting && !there) {
      this.forgetting = false;
      this.result("Deleted. Your hand is read like everybody's again.");
    }
  }

  /** Nobody reads the hand any more. */
  stopped() {
    this.forgetting = false;
    if (!byId("teach-lesson").hidden || !byId("teach-learning").hidden) {
      this.leave();
      byId("teach-learning").hidden = true;
      this.result("The camera stopped before your hand was learnt, so nothing was kept.");
    }
  }

  leave() {
    this.showLesson(false);
  }

  update(lesson) {
    const taking = lesson.phase === "countdown" || lesson.phase === "recording";
    this.showLesson(taking);
    byId("teach-learning").hidden = lesson.phase !== "adapting";
    byId("teach-learning").value = lesson.progress;
    if (!taking) {
      this.result(ENDS[lesson.phase] + (lesson.hint ? ` The profile was not saved: ${lesson.hint}.` : ""));
      return;
    }
    byId("teach-target").textContent = lesson.letter;
    showSign(byId("teach-front"), lesson.letter, "front");
    showSign(byId("teach-turned"), lesson.letter, "side");
    byId("teach-progress").value = lesson.phase === "recording" ? lesson.progress : 0;
    const place = `${lesson.number} of ${lesson.total}`;
    this.status(lesson.phase === "countdown"
      ? `${place}: get ready, ${Math.ceil(lesson.seconds_left)}`
      : `${place}: ${HINTS[lesson.hint] ?? "hold it and turn your hand a little"}`);
  }

  showLesson(shown) {
    byId("teach-lesson").hidden = !shown;
    byId("teach-choose").hidden = shown;
    if (shown) this.result("");
  }

  result(text) {
    if (text !== this.said) byId("teach-result").textContent = this.said = text;
  }
}
