// What is spoken, by the browser's own voices.

const voices = () => globalThis.speechSynthesis?.getVoices() ?? [];

export class Speech {
  constructor(sound, voice) {
    this.sound = sound;
    this.voice = voice;
    sound.value = localStorage.getItem("sound") ?? "words";
    sound.onchange = () => {
      localStorage.setItem("sound", sound.value);
      globalThis.speechSynthesis?.cancel();
    };
    voice.onchange = () => localStorage.setItem("voice", voice.value);
    this.list();
    globalThis.speechSynthesis?.addEventListener?.("voiceschanged", () => this.list());
  }

  list() {
    const options = voices().map(({name, lang, voiceURI}) => new Option(`${name} (${lang})`, voiceURI));
    this.voice.replaceChildren(new Option("Default voice", ""), ...options);
    this.voice.value = localStorage.getItem("voice") ?? "";
    if (this.voice.selectedIndex < 0) this.voice.value = "";
    this.voice.hidden = !options.length;
  }

  letter(letter) {
    if (this.sound.value === "letters") this.say(letter);
  }

  word(word) {
    if (this.sound.value !== "nothing") this.say(word);
  }

  /** Text in capitals is read letter by letter, so words go in small ones. */
  say(text) {
    if (!text || !globalThis.speechSynthesis) return;
    const utterance = new SpeechSynthesisUtterance(text.length > 1 ? text.toLowerCase() : text);
    utterance.voice = voices().find(({voiceURI}) => voiceURI === this.voice.value) ?? null;
    speechSynthesis.speak(utterance);
  }
}
