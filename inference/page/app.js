// The page: what the camera sees goes to an engine, what the engine reads is shown and spoken.

import {Chart} from "./chart.js";
import {reader} from "./engine.js";
import {Live} from "./live.js";
import {Pace} from "./pace.js";
import {readPicture} from "./picture.js";
import {Practice} from "./practice.js";
import {Reading} from "./reading.js";
import {byId} from "./show.js";
import {loadSigner} from "./signer.js";
import {isVideo} from "./source.js";
import {Speech} from "./speech.js";
import {Speed} from "./speed.js";
import {Stage} from "./stage.js";
import {Teach} from "./teach.js";
import {Text} from "./text.js";

const stage = new Stage();
fetch("skeleton").then((answer) => answer.json()).then((bones) => { stage.bones = bones; }); // the page works meanwhile
const live = new Live(stage, receive, stopped);
const send = (command) => live.send(command);
const tell = (message) => stage.tell(message);
loadSigner().catch(() => tell("The synthetic signer cannot be shown: the server does not answer. Is it still running?"));
const text = new Text(send, new Speech(byId("sound"), byId("voice"), tell), tell);
const pace = new Pace();
const practice = new Practice(send, () => pace.value);
const reading = new Reading(pace);
const chart = new Chart((letter) => {
  choose("practice");
  chooseMode("sign");
  practice.choose([letter]);
});
const teach = new Teach(send, () => (live.stream ? true : live.startCamera()));
const speed = new Speed(byId("speed"));
reader.then(({server, here}) => {
  document.documentElement.classList.toggle("alone", !server);
  if (!here) return;
  stage.kept = "stay in this browser";
  if (!live.stream) stage.idle();
});
let tab = "spell";
let mode = "sign"; // of practice; the other is "read"

function receive(message) {
  switch (message.type) {
    case "welcome":
      text.restore();
      begin();
      if (message.notice) tell(message.notice);
      break;
    case "step":
      showStep(message);
      break;
    case "error":
      text.refused();
      tell(message.message);
      return;
    case "full":
    case "closed":
      return;
  }
  text.update(message);
  teach.showProfile(message.profile);
}

function stopped() {
  text.refused();
  speed.stopped();
  teach.stopped();
  if (isSigning()) practice.stopped();
}

function showStep(step) {
  speed.add(step.ms, step.encode, step.roundTrip);
  if (!isSigning()) step.practice = null;
  stage.show(step, step.hold, live.video.videoWidth, live.video.videoHeight);
  stage.hint(step.hand ? "" : "Show one hand to the camera");
  if (["letter", "corrected"].includes(step.event?.kind)) stage.flash();
  if (step.event && tab === "spell") text.happened(step.event);
  if (step.notice) tell(step.notice);
  if (step.teaching) teach.update(step.teaching);
  if (step.practice) practice.update(step.practice, step);
}

byId("start").onclick = () => live.startCamera();
byId("stop").onclick = () => {
  live.stop();
  stage.idle();
  byId("start").focus();
};
for (const id of ["open", "open-again"]) byId(id).onclick = () => byId("file").click();
byId("file").onchange = ({target}) => {
  const [file] = target.files;
  if (file && isVideo(file)) live.startVideo(file);
  else if (file) {
    live.stop();
    readPicture(stage, file);
  }
  target.value = "";
};
byId("speed").ontoggle = () => speed.show();

// Tabs

function choose(name) {
  if (name === tab) return;
  if (tab !== "spell") send({do: "spell"});
  practice.leave();
  reading.leave();
  teach.leave();
  tab = name;
  for (const button of tabs) {
    const chosen = button.id === `tab-${name}`;
    button.setAttribute("aria-selected", chosen);
    button.tabIndex = chosen ? 0 : -1;
    byId(button.getAttribute("aria-controls")).hidden = !chosen;
  }
  showPanel();
}

function chooseMode(name) {
  if (name === mode) return;
  mode = name;
  document.querySelector(`input[name=mode][value=${name}]`).checked = true;
  byId("practice-sign").hidden = name !== "sign";
  byId("practice-read").hidden = name !== "read";
  practice.leave();
  reading.leave();
  send({do: "spell"});
  showPanel();
}

/** data-panel tells the style which panels have no need of the camera. */
function showPanel() {
  document.querySelector("main").dataset.panel = tab === "practice" ? mode : tab;
  if (tab === "chart") chart.show();
  begin();
}

/** Tells the server what is done with the hand. Beside the chart and while reading it spells nothing: that is practised, unseen. */
function begin() {
  if (isSigning()) practice.begin();
  else if (tab === "chart" || tab === "practice") send({do: "practice", text: "A"});
}

const isSigning = () => tab === "practice" && mode === "sign";

for (const choice of document.querySelectorAll("input[name=mode]")) choice.onchange = () => chooseMode(choice.value);

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
  if (tab === "spell") text.key(event);
});
