// The sign chart: all letters, each in large with its view from the side. Needs neither camera nor server.

import {byId} from "./show.js";
import {showSign} from "./signs.js";

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

export class Chart {
  /** practise(letter) is called when the user wants to. */
  constructor(practise) {
    this.drawn = false;
    byId("sign-close").onclick = () => byId("sign").close();
    byId("sign-practise").onclick = () => {
      byId("sign").close();
      practise(this.letter);
    };
  }

  /** Draws one letter after another, so that the page answers meanwhile. */
  async show() {
    if (this.drawn) return;
    this.drawn = true;
    for (const letter of LETTERS) {
      const item = document.createElement("li");
      const button = Object.assign(document.createElement("button"), {className: "plain", onclick: () => this.open(letter)});
      const canvas = Object.assign(document.createElement("canvas"), {width: 240, height: 240});
      canvas.setAttribute("aria-hidden", "true");
      button.append(canvas, letter);
      item.append(button);
      byId("chart-letters").append(item);
      await showSign(canvas, letter, "front", false);
      await new Promise(requestAnimationFrame);
    }
  }

  open(letter) {
    this.letter = letter;
    byId("sign-name").textContent = letter;
    byId("sign").showModal();
    showSign(byId("sign-front"), letter, "front");
    showSign(byId("sign-turned"), letter, "side");
  }
}
