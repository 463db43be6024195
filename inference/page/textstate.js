// The text without anybody who reads hands: what an edit makes of it, and where it is kept while the page is loaded anew.

const KEPT = "text"; // in the tab's own storage: a text is nobody else's, not even the next user's of this computer
const NONE = {text: "", word: "", suggestions: [], readings: []};

/** What a command of the page's makes of {text, word, suggestions, readings}, as the server would, but without new suggestions. */
export function edited({text, word, suggestions}, command) {
  const trimmed = text.trimEnd();
  switch (command.do) {
    case "write": return stateOf((text + command.text.toUpperCase()).replace(/^ +/, "").replace(/ {2,}/g, " "));
    case "delete": return stateOf(text.slice(0, -1));
    case "correct": return stateOf(trimmed.slice(0, -1) + command.text + text.slice(trimmed.length));
    case "take": return stateOf(`${trimmed.slice(0, trimmed.length - word.length)}${suggestions[command.index]} `);
    case "clear": return NONE;
  }
}

function stateOf(text) {
  return {...NONE, text, word: text.trimEnd().split(" ").at(-1)};
}

/** The state that was kept, or an empty one where the browser keeps nothing for pages. */
export function recallText() {
  try {
    return {...NONE, ...JSON.parse(sessionStorage.getItem(KEPT))};
  } catch {
    return NONE;
  }
}

export function keepText(state) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(state));
  } catch {
    // It lasts until the page is left, then.
  }
}
