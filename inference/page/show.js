// Small things that several parts of the page show.

export const byId = (id) => document.getElementById(id);

/** Let a screen reader say it. */
export function announce(message) {
  byId("announcer").textContent = message;
}

const colours = getComputedStyle(document.documentElement); // follows changes
const CALM = 500; // milliseconds that a line stays at least, so that it can be read, and read aloud

/** The fingers as the server names them; each has four landmarks behind the wrist's. */
const FINGERS = ["thumb", "index", "middle", "ring", "little"];

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

/** Draws the hand's points, shares of width and height, over a picture of that size; a finger to change in another colour. */
export function drawSkeleton(canvas, hand, bones, width, height, finger = "") {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (!hand) return;
  const unit = Math.max(width, height) / 640;
  const points = hand.map(([x, y]) => [x * width, y * height]);
  const line = (drawn, colour, thick) => {
    context.strokeStyle = colours.getPropertyValue(colour);
    context.lineWidth = thick * unit;
    context.lineCap = "round";
    context.beginPath();
    for (const [a, b] of drawn) {
      context.moveTo(...points[a]);
      context.lineTo(...points[b]);
    }
    context.stroke();
  };
  line(bones, "--bone-edge", 5.5);
  line(bones, "--bone", 2.6);
  const first = 4 * FINGERS.indexOf(finger) + 1;
  const ofFinger = bones.filter((bone) => finger && bone.every((joint) => joint >= first && joint < first + 4));
  line(ofFinger, "--bone-edge", 11);
  line(ofFinger, "--bone-change", 7);
  context.fillStyle = colours.getPropertyValue("--joint");
  for (const [x, y] of points) {
    context.beginPath();
    context.arc(x, y, 2.8 * unit, 0, 7);
    context.fill();
  }
}
