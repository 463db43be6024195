// What is spoken, by the browser's own voices.

import {keep, recall} from "./settings.js";

const voices = () => globalThis.speechSynthesis?.getVoices() ?? [];

export class Speech {
  /** tell(message) shows the user a line. */
  constructor(sound, voice, tell) {
    this.tell = tell;
    this.sound = sound;
    this.voice = voice;
    sound.value = recall("sound") ?? "words";
    sound.onchange = () => {
      this.keep("sound", sound.value);
      globalThis.speechSynthesis?.cancel();
    };
    voice.onchange = () => this.keep("voice", voice.value);
    this.list();
    globalThis.speechSynthesis?.addEventListener?.("voiceschanged", () => this.list());
  }

  keep(name, value) {
    if (keep(name, value)) return;
    this.tell("The browser keeps no settings of this page, so this choice lasts until you leave it. Allow cookies to keep it.");
  }

  list() {
    const options = voices().map(({name, lang, voiceURI}) => new Option(`${name} (${lang})`, voiceURI));
    this.voice.replaceChildren(new Option("Default voice", ""), ...options);
    this.voice.value = recall("voice") ?? "";
    if (this.voice.selectedIndex < 0) this.voice.value = "";
    this.voice.hidden = !options.length;
  }

  letter(letter) {
    if (this.sound.value === "letters") this.say(letter);
  }

  word(word) {
    if (this.sound.value !== "nothing") this.say(word);
  }

  /** Text in capitals is read letter by letter, so words go in small ones. False where there is no voice. */
  say(text) {
    if (!voices().length) return false;
    if (!text) return true;
    const utterance = new SpeechSynthesisUtterance(text.length > 1 ? text.toLowerCase() : text);
    utterance.voice = voices().find(({voiceURI}) => voiceURI === this.voice.value) ?? null;
    speechSynthesis.speak(utterance);
    return true;
  }
}
