// Small things that several parts of the page show.

export const byId = (id) => document.getElementById(id);

/** Let a screen reader say it. */
export function announce(message) {
  byId("announcer").textContent = message;
}

const still = matchMedia("(prefers-reduced-motion: reduce)");
const colours = getComputedStyle(document.documentElement); // follows changes
const CALM = 500; // milliseconds that a line stays at least, so that it can be read, and read aloud

/** The synthetic signer's picture of a letter in an <img>; without motion for those who asked for less of it. */
export function showSigner(image, letter, view) {
  const source = `signer/${letter}?view=${view}${still.matches ? "&moving=false" : ""}`;
  if (image.getAttribute("src") === source) return;
  image.src = source;
  image.alt = `The letter ${letter} signed, ${view === "front" ? "from the front" : "from the side"}`;
}

/** Returns a function that sets an element's text, at most every CALM milliseconds, and its class. */
export function settle(element) {
  let changed = -Infinity;
  let shown = "";
  let waiting;
  return function set(text, kind = "") {
    clearTimeout(waiting);
    if (shown === text) return;
    const left = changed + CALM - performance.now();
    if (left > 0) {
      waiting = setTimeout(set, left, text, kind);
      return;
    }
    changed = performance.now();
    element.textContent = shown = text;
    element.classList.toggle("good", kind === "good");
  };
}

/** Returns a function that shows a word with its letters done, the one to sign now, and those to come. */
export function spellOut(element) {
  let shown = "";
  return function set(word, done) {
    if (shown === `${word} ${done}`) return;
    shown = `${word} ${done}`;
    element.setAttribute("aria-label", done < word.length ? `Sign ${word[done]}, letter ${done + 1} of ${word}` : `${word} is done`);
    element.replaceChildren(...[...word].map((letter, index) => {
      const span = document.createElement("span");
      span.textContent = letter;
      span.className = index < done ? "done" : index === done ? "now" : "later";
      return span;
    }));
  };
}

/** Draws the hand's points, shares of width and height, over a picture of that size. */
export function drawSkeleton(canvas, hand, bones, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (!hand) return;
  const unit = Math.max(width, height) / 640;
  const points = hand.map(([x, y]) => [x * width, y * height]);
  for (const [colour, thick] of [[colours.getPropertyValue("--bone-edge"), 5.5], [colours.getPropertyValue("--bone"), 2.6]]) {
    context.strokeStyle = colour;
    context.lineWidth = thick * unit;
    context.lineCap = "round";
    context.beginPath();
    for (const [a, b] of bones) {
      context.moveTo(...points[a]);
      context.lineTo(...points[b]);
    }
    context.stroke();
  }
  context.fillStyle = colours.getPropertyValue("--joint");
  for (const [x, y] of points) {
    context.beginPath();
    context.arc(x, y, 2.8 * unit, 0, 7);
    context.fill();
  }
}
