// The Spell tab: the text, its suggestions, and what the user does with both.

import {announce, byId} from "./show.js";
import {edited, keepText, recallText} from "./textstate.js";

const PART = 2000; // characters that the server takes at once
const SHOWN = 2000; // milliseconds that the copy button says so

export class Text {
  /** send(command) gives whether there is somebody who takes it; tell(message) shows the user a line. */
  constructor(send, speech, tell) {
    this.send = send;
    this.speech = speech;
    this.tell = tell;
    this.state = null;
    this.lost = null; // the text that a new connection has not got back yet, and how much of it was sent
    this.waiting = []; // edits until it has
    this.expected = null; // what was asked for: how to tell that it is done, and what is said then
    for (const button of document.querySelectorAll("[data-do]")) button.onclick = () => this.edit(button.dataset.do);
    byId("typing").onsubmit = (event) => {
      event.preventDefault();
      this.write(byId("typed").value);
      byId("typed").value = "";
    };
    byId("speak").onclick = () => this.speak();
    byId("copy").onclick = () => this.copy();
    byId("download").onclick = () => this.download();
    this.show(recallText());
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
    this.settle();
    this.show(state);
  }

  /** The server takes no more of it, or is gone. */
  refused() {
    this.expected = null;
    this.settle();
  }

  settle() {
    this.lost = null;
    this.waiting.splice(0).forEach((command) => this.ask(command));
  }

  /** An edit is the server's to make; without one, the page's. */
  ask(command) {
    if (this.lost) this.waiting.push(command);
    else if (!this.send(command)) this.show(edited(this.state, command));
  }

  show({text, word, suggestions, readings = []}) {
    const before = this.state;
    this.state = {text, word, suggestions, readings};
    if (this.expected?.isDone(this.state)) {
      this.expected.say();
      this.expected = null;
    }
    if (JSON.stringify(before) === JSON.stringify(this.state)) return;
    keepText(this.state);
    const end = text.trimEnd().length;
    const mark = document.createElement("mark");
    mark.textContent = text.slice(end - word.length, end);
    byId("text").replaceChildren(text.slice(0, end - word.length), ...(word ? [mark] : []), text.slice(end));
    byId("text").scrollTop = byId("text").scrollHeight;
    offer("suggestions", suggestions, 1, (index) => this.take(index));
    offer("readings", readings, 4, (index) => this.correct(index));
    for (const id of ["speak", "copy", "download"]) byId(id).disabled = !text.trim();
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
    const say = () => {
      this.speech.word(word);
      announce(`Word ${word.toLowerCase()}`);
    };
    this.expected = {isDone: ({text}) => text.endsWith(`${word} `), say};
    this.ask({do: "take", index});
  }

  correct(index) {
    const letter = this.state.readings[index];
    if (!letter) return;
    this.expected = {isDone: ({word}) => word.endsWith(letter), say: () => announce(`${letter} instead`)};
    this.ask({do: "correct", text: letter});
  }

  write(text) {
    this.ask({do: "write", text});
  }

  edit(action) {
    if (action === "space") this.write(" ");
    else this.ask({do: action});
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, dialog")) return;
    const inControl = event.target.closest("button, summary, a");
    if (/^[123]$/.test(event.key)) this.take(event.key - 1);
    else if (/^[45]$/.test(event.key)) this.correct(event.key - 4);
    else if (/^[a-z]$/i.test(event.key)) this.write(event.key);
    else if (event.key === "Backspace" && !inControl) this.edit("delete");
    else if (event.key === " " && !inControl) {
      event.preventDefault();
      this.edit("space");
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
    } catch {
      this.tell("The browser does not let this page copy. Download the text, or select it.");
      return;
    }
    announce("Copied");
    byId("copy").textContent = "Copied ✓";
    clearTimeout(this.copied);
    this.copied = setTimeout(() => { byId("copy").textContent = "Copy"; }, SHOWN);
  }

  download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${this.state.text.trim()}\n`], {type: "text/plain"}));
    link.download = `sign2sound-${new Date().toISOString().slice(0, 16).replace(":", "")}.txt`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}

/** A button for each word or letter, with its key. */
function offer(place, offered, firstKey, chosen) {
  const shown = [...byId(place).children];
  if (shown.length === offered.length && shown.every((button, index) => button.dataset.offered === offered[index])) return;
  byId(place).replaceChildren(...offered.map((text, index) => {
    const button = Object.assign(document.createElement("button"), {type: "button", onclick: () => chosen(index)});
    button.dataset.offered = text;
    const key = document.createElement("kbd");
    key.textContent = firstKey + index;
    button.append(text, " ", key);
    return button;
  }));
}
