// The Spell tab: the text, its suggestions, and what the user does with both.

import {announce, byId} from "./show.js";

const PART = 2000; // characters that the server takes at once

export class Text {
  /** tell(message) shows the user a line. */
  constructor(send, speech, tell) {
    this.send = send;
    this.speech = speech;
    this.tell = tell;
    this.state = {text: "", word: "", suggestions: []};
    this.lost = null; // the text that a new connection has not got back yet, and how much of it was sent
    for (const button of document.querySelectorAll("[data-do]")) button.onclick = () => this.write(button.dataset.do);
    byId("speak").onclick = () => this.speak();
    byId("copy").onclick = () => this.copy();
    byId("download").onclick = () => this.download();
  }

  /** A new connection knows nothing of the text: give it back, in parts as it says that it has them. */
  restore() {
    this.lost = this.state.text ? {text: this.state.text, sent: 0} : null;
  }

  /** The server's message with the text as it has it. */
  update(state) {
    if (this.lost && state.text.length < this.lost.text.length) {
      const {text, sent} = this.lost;
      if (state.text.length < sent) return;
      this.send({do: "write", text: text.slice(sent, sent + PART)});
      this.lost.sent = Math.min(sent + PART, text.length);
      return;
    }
    this.lost = null;
    this.show(state);
  }

  /** The server takes no more of it. */
  refused() {
    this.lost = null;
  }

  show({text, word, suggestions}) {
    const before = this.state;
    this.state = {text, word, suggestions};
    if (JSON.stringify(before) === JSON.stringify(this.state)) return;
    const end = text.trimEnd().length;
    const mark = document.createElement("mark");
    mark.textContent = text.slice(end - word.length, end);
    byId("text").replaceChildren(text.slice(0, end - word.length), ...(word ? [mark] : []), text.slice(end));
    byId("text").scrollTop = byId("text").scrollHeight;
    byId("suggestions").replaceChildren(...suggestions.map((suggestion, index) => {
      const button = document.createElement("button");
      const key = document.createElement("kbd");
      key.textContent = index + 1;
      button.append(suggestion, " ", key);
      button.onclick = () => this.take(index);
      return button;
    }));
  }

  /** What the hand wrote. */
  happened({kind, text}) {
    if (kind === "letter" || kind === "corrected") this.speech.letter(text);
    if (kind === "word") this.speech.word(text);
    const said = {word: `Word ${text.toLowerCase()}`, deleted: `Deleted ${text}`, corrected: `${text} instead`};
    announce(said[kind] ?? text);
  }

  take(index) {
    const word = this.state.suggestions[index];
    if (!word) return;
    this.send({do: "take", index});
    this.speech.word(word);
    announce(`Word ${word.toLowerCase()}`);
  }

  write(action) {
    if (action === "clear") {
      this.lost = null;
      this.show({text: "", word: "", suggestions: []});
    }
    this.send(action === "space" ? {do: "write", text: " "} : {do: action});
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inControl = event.target.closest("button, select, input, summary, a");
    if (/^[123]$/.test(event.key) && event.target.localName !== "select") this.take(event.key - 1);
    else if (event.key === "Backspace" && !inControl) this.write("delete");
    else if (event.key === " " && !inControl) {
      event.preventDefault();
      this.write("space");
    }
  }

  speak() {
    if (!this.speech.say(this.state.text.trim())) {
      this.tell("This browser has no voice. Install one in the system's settings, or try another browser.");
    }
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.state.text.trim());
      announce("Copied");
    } catch {
      this.tell("The browser does not let this page copy. Download the text, or select it.");
    }
  }

  download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${this.state.text.trim()}\n`], {type: "text/plain"}));
    link.download = `sign2sound-${new Date().toISOString().slice(0, 16).replace(":", "")}.txt`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
