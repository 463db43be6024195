// Teach it your hand: which letters, the lesson, and what became of it.

import {byId, settle, showSigner} from "./show.js";

const LETTERS = [..."ABCDEFGHIKLMNOPQRSTUVWXY"]; // J and Z move
const HINTS = {"no hand": "Show your hand to the camera.", "hold still": "Hold still."};

const ENDS = {
  adapting: "Adapting to your hand… Go on spelling or practising meanwhile.",
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
      this.send({do: "forget"});
      this.result("Deleted. Your hand is read like everybody's again.");
    };
  }

  showProfile(there) {
    byId("forget").hidden = !there;
  }

  leave() {
    this.showLesson(false);
  }

  update(lesson) {
    const taking = lesson.phase === "countdown" || lesson.phase === "recording";
    this.showLesson(taking);
    if (!taking) {
      this.result(ENDS[lesson.phase] + (lesson.hint ? ` The profile was not saved: ${lesson.hint}.` : ""));
      return;
    }
    byId("teach-target").textContent = lesson.letter;
    showSigner(byId("teach-front"), lesson.letter, "front");
    showSigner(byId("teach-turned"), lesson.letter, "turned");
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
