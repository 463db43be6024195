// The signer's speed in letters/s, which the user sets and reading practice follows.

import {byId} from "./show.js";
import {keep, recall} from "./settings.js";

export class Pace {
  constructor() {
    this.slider = byId("pace");
    this.slider.oninput = () => this.set(this.value);
    this.set(Number(recall("pace")) || this.value);
  }

  get value() {
    return Number(this.slider.value);
  }

  /** Beyond its ends the slider takes the end. */
  set(value) {
    this.slider.value = value;
    byId("pace-name").textContent = `${this.value.toFixed(1)} letters/s`;
    keep("pace", this.value);
  }
}
