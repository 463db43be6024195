// The page: what the camera sees goes to the server, what the server reads is shown and spoken. No hand is read in here.

import {Live} from "./live.js";
import {readPicture} from "./picture.js";
import {Practice} from "./practice.js";
import {byId} from "./show.js";
import {isVideo} from "./source.js";
import {Speech} from "./speech.js";
import {Speed} from "./speed.js";
import {Stage} from "./stage.js";
import {Teach} from "./teach.js";
import {Text} from "./text.js";

const stage = new Stage();
fetch("skeleton").then((answer) => answer.json()).then((bones) => { stage.bones = bones; }); // the page works meanwhile
const live = new Live(stage, receive);
const send = (command) => live.send(command);
const tell = (message) => stage.tell(message);
const text = new Text(send, new Speech(byId("sound"), byId("voice"), tell), tell);
const practice = new Practice(send);
const teach = new Teach(send, () => (live.stream ? true : live.startCamera()));
const speed = new Speed(byId("speed"));
let tab = "spell";

function receive(message) {
  switch (message.type) {
    case "welcome":
      text.restore();
      if (tab === "practice") practice.begin();
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

function showStep(step) {
  speed.add(step.ms, step.encode, step.roundTrip);
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
  teach.leave();
  tab = name;
  for (const button of tabs) {
    const chosen = button.id === `tab-${name}`;
    button.setAttribute("aria-selected", chosen);
    button.tabIndex = chosen ? 0 : -1;
    byId(button.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (name === "practice") practice.begin();
}

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
