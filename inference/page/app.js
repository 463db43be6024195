// The page: what the camera sees goes to the server, what the server reads is shown and spoken. No hand is read in here.

import {Practice} from "./practice.js";
import {byId, drawSkeleton} from "./show.js";
import {Camera, closeVideo, openCamera, openVideo, watchFrames} from "./source.js";
import {Speech} from "./speech.js";
import {Speed} from "./speed.js";
import {Stream} from "./stream.js";
import {Teach} from "./teach.js";

const PICTURE_SIDE = 1600; // pixels of an opened picture, at most
const READABLE = 3000; // milliseconds that a message stays
const WRITTEN = 450; // milliseconds that a written letter lights up

const video = byId("video");
const camera = new Camera(video);
const speech = new Speech(byId("sound"), byId("voice"));
const speed = new Speed(byId("speed"));
const bones = await (await fetch("skeleton")).json();

let stream = null;
let stopWatching = () => {};
let tab = "spell";
let text = "";
let encode = 0;

const send = (command) => stream?.command(command);
const practice = new Practice(send);
const teach = new Teach(send, () => (stream ? true : start(() => openCamera(video), true)));

// Frames

async function start(open, mirrored) {
  stop();
  cover("One moment", mirrored ? "Your browser asks whether this page may use the camera." : "Opening the video.", false);
  try {
    await open();
  } catch (error) {
    closeVideo(video);
    cover(...cameraProblem(error, mirrored));
    return false;
  }
  cover("One moment", "Connecting.", false);
  byId("view").classList.toggle("mirrored", mirrored);
  return new Promise((connected) => {
    const left = (title, message) => {
      stop();
      cover(title, message);
      connected(false);
    };
    const answered = (message) => {
      if (message.type === "welcome") {
        running();
        connected(true);
      }
      receive(message);
    };
    stream = new Stream({answered, left});
  });
}

function running() {
  byId("stage").dataset.state = "running";
  byId("cover").hidden = true;
  byId("still").hidden = true;
  for (const id of ["stop", "open-again"]) byId(id).hidden = false;
  setAspect(video.videoWidth, video.videoHeight);
  stopWatching = watchFrames(video, frameReady);
}

function setAspect(width, height) {
  byId("stage").style.setProperty("--aspect", `${width || 4} / ${height || 3}`);
}

async function frameReady() {
  const to = stream;
  if (!to || to.busy || !camera.due()) return;
  to.busy = true;
  const frame = await camera.take();
  encode = frame.encode;
  await to.sendFrame(frame.picture, frame.time);
}

function stop() {
  stopWatching();
  stream?.close();
  stream = null;
  closeVideo(video);
  drawSkeleton(byId("skeleton"), null, bones, 1, 1);
  for (const id of ["letter", "hint", "stop", "open-again"]) byId(id).hidden = true;
  byId("top").replaceChildren();
}

function cover(title, message, choices = true) {
  byId("stage").dataset.state = "idle";
  byId("cover").hidden = false;
  byId("cover-title").textContent = title;
  byId("cover-text").textContent = message;
  byId("cover").querySelector(".row").hidden = !choices;
  if (choices && title !== "Spell with your hand") announce(`${title}. ${message}`);
}

function cameraProblem(error, camera) {
  if (!camera) return ["This video does not play", "The browser cannot play this file. MP4 and WebM usually work."];
  switch (error.name) {
    case "NotAllowedError":
      return ["No permission for the camera", "Allow the camera for this page in the address bar, then start again. A picture or a video works without."];
    case "NotFoundError":
    case "OverconstrainedError":
      return ["No camera found", "Plug one in and start again, or open a picture or a video."];
    case "NotReadableError":
      return ["The camera is busy", "Another program is using it. Close that, then start again."];
    case "SecurityError":
      return ["The browser gives no camera here", "Cameras work on localhost and over https only. A picture or a video works here too."];
    default:
      return ["The camera does not start", error.message];
  }
}

// Answers

function receive(message) {
  switch (message.type) {
    case "welcome":
      if (text) send({do: "write", text});
      if (tab === "practice") practice.begin();
      if (message.notice) hint(message.notice, READABLE);
      showState(message.text || !text ? message : {...message, text});
      break;
    case "state":
      showState(message);
      break;
    case "step":
      showStep(message);
      break;
    case "error":
      hint(message.message, READABLE);
      break;
  }
}

function showStep(step) {
  speed.add(step.ms, encode, step.roundTrip);
  showHand(step, video.videoWidth, video.videoHeight);
  byId("ring").style.strokeDashoffset = 1 - step.hold;
  hint(step.hand ? "" : "Show one hand to the camera");
  if (step.event) happened(step.event);
  showState(step);
  if (step.lesson) teach.update(step.lesson);
  if (step.practice) practice.update(step.practice, step);
}

function showHand({label, top, hand}, width, height) {
  drawSkeleton(byId("skeleton"), hand, bones, width, height);
  const shown = hand && label !== "nothing";
  byId("letter").hidden = !shown;
  byId("letter-name").textContent = label;
  byId("letter-name").className = label.length > 1 ? "long" : "";
  const items = shown ? top : [];
  byId("top").replaceChildren(...items.map(([name, share]) => {
    const item = document.createElement("li");
    const figure = document.createElement("span");
    figure.textContent = `${Math.round(100 * share)} %`;
    item.append(name, figure);
    return item;
  }));
}

let lit;
function happened({kind, text: what}) {
  const letter = kind === "letter" || kind === "corrected"; // an I that turned out to be a J is spoken as J then
  if (letter) {
    byId("letter").classList.add("written");
    clearTimeout(lit);
    lit = setTimeout(() => byId("letter").classList.remove("written"), WRITTEN);
  }
  if (tab !== "spell") return;
  if (letter) speech.letter(what);
  if (kind === "word") speech.word(what);
  announce(kind === "word" ? `Word ${what.toLowerCase()}` : kind === "deleted" ? `Deleted ${what}` : kind === "corrected" ? `${what} instead` : what);
}

let shownState = "";
function showState(state) {
  byId("forget").hidden = !state.profile;
  const key = JSON.stringify([state.text, state.word, state.suggestions]);
  if (key === shownState) return;
  shownState = key;
  text = state.text;
  const end = text.trimEnd().length;
  const mark = document.createElement("mark");
  mark.textContent = text.slice(end - state.word.length, end);
  byId("text").replaceChildren(text.slice(0, end - state.word.length), ...(state.word ? [mark] : []), text.slice(end));
  byId("text").scrollTop = byId("text").scrollHeight;
  byId("suggestions").replaceChildren(...state.suggestions.map((word, index) => {
    const button = document.createElement("button");
    const key = document.createElement("kbd");
    key.textContent = index + 1;
    button.append(word, " ", key);
    button.onclick = () => take(index);
    return button;
  }));
}

function take(index) {
  const button = byId("suggestions").children[index];
  if (!button) return;
  const word = button.firstChild.textContent;
  send({do: "take", index});
  speech.word(word);
  announce(`Word ${word.toLowerCase()}`);
}

let hintedUntil = 0;
function hint(message, milliseconds = 0) {
  if (performance.now() < hintedUntil && !milliseconds) return;
  hintedUntil = performance.now() + milliseconds;
  byId("hint").hidden = !message;
  byId("hint").textContent = message;
}

function announce(message) {
  byId("announcer").textContent = message;
}

// Pictures and videos

async function openFile(file) {
  if (!file) return;
  if (file.type.startsWith("video/")) {
    await start(() => openVideo(video, file), false);
    return;
  }
  stop();
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    cover("This picture does not open", "The browser cannot read this file. JPEG and PNG always work.");
    return;
  }
  const scale = Math.min(1, PICTURE_SIDE / Math.max(picture.width, picture.height));
  const canvas = byId("still");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  cover("One moment", "Reading the picture.", false);
  const body = new FormData();
  body.append("image", await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92)), "picture.jpg");
  let answer;
  try {
    const response = await fetch("predict", {method: "POST", body});
    answer = await response.json();
    if (!response.ok) throw new Error(answer.detail);
  } catch (error) {
    cover("The picture was not read", error.message);
    return;
  }
  byId("stage").dataset.state = "picture";
  byId("view").classList.remove("mirrored");
  byId("cover").hidden = true;
  canvas.hidden = false;
  setAspect(canvas.width, canvas.height);
  for (const id of ["stop", "open-again"]) byId(id).hidden = false;
  const hand = answer.landmarks?.map(([x, y]) => [x / canvas.width, y / canvas.height]);
  byId("ring").style.strokeDashoffset = 1 - answer.confidence;
  showHand({...answer, hand}, canvas.width, canvas.height);
  hint(hand ? "" : "No hand found in this picture");
  announce(hand ? `The picture shows ${answer.label}` : "No hand found in this picture");
}

// Controls

function idle() {
  stop();
  byId("still").hidden = true;
  setAspect(4, 3);
  cover("Spell with your hand", "Hold up one hand and sign letter by letter. The pictures go to this server only, and are not kept.");
}

function choose(name) {
  if (name === tab) return;
  if (tab !== "spell") send({do: "spell"});
  practice.leave();
  teach.leave();
  tab = name;
  for (const button of document.querySelectorAll("[role=tab]")) {
    const chosen = button.id === `tab-${name}`;
    button.setAttribute("aria-selected", chosen);
    button.tabIndex = chosen ? 0 : -1;
    byId(button.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (name === "practice") practice.begin();
}

function write(action) {
  if (action === "clear") showState({text: "", word: "", suggestions: [], profile: !byId("forget").hidden});
  send(action === "space" ? {do: "write", text: " "} : {do: action});
}

byId("start").onclick = () => start(() => openCamera(video), true);
byId("stop").onclick = () => { idle(); byId("start").focus(); };
for (const id of ["open", "open-again"]) byId(id).onclick = () => byId("file").click();
byId("file").onchange = ({target}) => {
  openFile(target.files[0]);
  target.value = "";
};
video.onended = () => hint("The video has ended");
byId("speed").ontoggle = () => speed.show();

for (const button of document.querySelectorAll("[data-do]")) button.onclick = () => write(button.dataset.do);
byId("speak").onclick = () => speech.say(text.trim());
byId("copy").onclick = async () => {
  await navigator.clipboard.writeText(text.trim());
  announce("Copied");
};
byId("download").onclick = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${text.trim()}\n`], {type: "text/plain"}));
  link.download = `sign2sound-${new Date().toISOString().slice(0, 16).replace(":", "")}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

const tabs = [...document.querySelectorAll("[role=tab]")];
tabs.forEach((button, index) => {
  button.onclick = () => choose(button.id.slice("tab-".length));
  button.onkeydown = ({key}) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[key];
    if (!step) return;
    const next = tabs[(index + step + tabs.length) % tabs.length];
    next.click();
    next.focus();
  };
});

document.addEventListener("keydown", (event) => {
  if (tab !== "spell" || event.ctrlKey || event.metaKey || event.altKey) return;
  const inControl = event.target.closest("button, select, input, summary, a");
  if (/^[123]$/.test(event.key) && event.target.localName !== "select") take(event.key - 1);
  else if (event.key === "Backspace" && !inControl) write("delete");
  else if (event.key === " " && !inControl) {
    event.preventDefault();
    write("space");
  }
});
