// The synthetic signer on the page's canvases: a sign, moving if it moves, or a word spelled at a speed.

import {loadSigner} from "./signer.js";

const REST = 800; // milliseconds before and after a motion
const PALM = 0.35; // of the canvas, while words are spelled: Z, the widest, just has room
const still = matchMedia("(prefers-reduced-motion: reduce)");
const shown = new WeakMap(); // canvas -> what is drawn on it

/** Draws a sign on the canvas, and goes on moving it if it moves, until something else is shown there; where it is not to move,
 *  and for those who asked for less motion, its path. view: "front" or "side". */
export async function showSign(canvas, letter, view, moving = true) {
  const what = `${letter} ${view}`;
  if (shown.get(canvas) === what) return;
  shown.set(canvas, what);
  canvas.setAttribute("aria-label", `The letter ${letter} signed, from the ${view}`);
  const signer = await signerFor(canvas);
  if (!signer) return;
  const moves = signer.data.signs[letter].length > 1;
  if (!moves || !moving || still.matches) {
    if (shown.get(canvas) === what) signer.drawSign(canvas, letter, {view, share: 1, path: true});
    return;
  }
  const motion = signer.data.signs[letter].length / signer.data.motion_rate * 1000;
  animate(canvas, what, (passed) => {
    const share = (passed % (motion + 2 * REST) - REST) / motion;
    signer.drawSign(canvas, letter, {view, share: Math.min(Math.max(share, 0), 1)});
  });
}

/** Spells a word, A to Z, at `speed` letters/s. Gives a promise of whether it came to its end before something else was shown. */
export async function spellWord(canvas, word, speed) {
  const what = {};
  shown.set(canvas, what);
  const signer = await signerFor(canvas);
  if (!signer) return false;
  const {seconds, at} = signer.spelling(word, speed);
  return new Promise((done) => {
    animate(canvas, what, (passed) => {
      const landmarks = at(passed / 1000).map(([x, y, z]) => [0.5 + PALM * x, 0.5 + PALM * y, PALM * z]);
      signer.draw(canvas, landmarks);
      if (passed >= 1000 * seconds) shown.delete(canvas);
    }, (replaced) => done(!replaced));
  });
}

/** Whatever is spelled there stops. */
export function stopSigner(canvas) {
  shown.delete(canvas);
}

async function signerFor(canvas) {
  try {
    return await loadSigner();
  } catch {
    shown.delete(canvas); // so that it is tried again
    return null;
  }
}

/** Calls draw(milliseconds passed) for each picture as long as `what` is shown on the canvas. */
function animate(canvas, what, draw, ended = () => {}) {
  const started = performance.now();
  const step = () => {
    if (shown.get(canvas) !== what) return ended(true);
    if (canvas.checkVisibility()) draw(performance.now() - started);
    if (shown.has(canvas)) requestAnimationFrame(step);
    else ended(false);
  };
  step();
}
