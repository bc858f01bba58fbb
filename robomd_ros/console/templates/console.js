// The page of the console. It keeps nothing but which steps are ticked; every answer names the request on the screen.
"use strict";
const GUARD = 700; // ms for which a new request takes no press: it was meant for what was there before
const SILENT = 4000; // ms without a word from the console after which the connection counts as lost
const LARGE = ["DONE", "SUCCESS", "FAILURE", "OPEN_GRIPPER"];
const LABELS = ["SUCCESS", "FAILURE", "INVALID"];
const TAGGED = ["LABEL_OUTCOME", "ROLLOUT_RUNS"];
const by = (id) => document.getElementById(id);
let line = null, board = null, heard = 0, shown = "", since = 0, sent = "", asking = null, pictures = 0, listed = "";

function connect() {
  line = new WebSocket(`ws://${location.host}/line`);
  line.onmessage = (event) => {
    heard = Date.now();
    const message = JSON.parse(event.data);
    if (message.board) { board = message.board; show(); }
    if (message.told) { tell(message.told.said, !message.told.counted); sent = ""; enable(); }
  };
  line.onclose = () => { line = null; show(); setTimeout(connect, 1000); };
}

const alive = () => line !== null && line.readyState === WebSocket.OPEN && Date.now() - heard < SILENT;

function tell(text, bad) {
  by("told").textContent = text;
  by("told").className = bad ? "bad" : "";
}

function show() {
  const connected = alive();
  by("lost").hidden = connected || heard === 0;
  by("line").textContent = connected ? "connected" : "no connection";
  by("line").className = connected ? "" : "off";
  if (!board) return;
  by("cell").textContent = board.cell;
  by("progress").textContent = board.progress;
  by("stop").hidden = !board.can_stop;
  const request = board.request, number = request ? request.number : "";
  if (number !== shown) begin(request);
  const counting = !request && board.waits;
  by("title").textContent = request ? request.title : counting ? countdown() : idle();
  by("title").className = counting ? "counting" : "";
  by("instruction").textContent = request ? request.instruction : board.there && !counting ? "Keep your distance." : "";
  by("position").textContent = request ? request.position : "";
  by("position").className = request && request.holds ? "holds" : "";
  earlier();
  enable();
}

// The seconds that are left, by this phone's clock since the console last told them.
function countdown() {
  const left = Math.ceil(board.wait_left - (Date.now() - heard) / 1000);
  return board.wait_left > 0 ? board.waits.replace(/[\d.]+ s/, `${Math.max(left, 0)} s`) : board.waits;
}

// What was labelled before: a slip of the thumb is corrected here, and the label before stays in the log.
function earlier() {
  by("earlier").hidden = !board.labelled.length;
  const now = JSON.stringify(board.labelled);
  if (now === listed) return;
  listed = now;
  by("labelled").replaceChildren(...board.labelled.map((trial) => {
    const item = document.createElement("li"), words = document.createElement("span");
    words.textContent = `Trial ${trial.index}: ${trial.scene}`;
    item.append(words, ...LABELS.map((label) => {
      const made = document.createElement("button");
      made.textContent = (label === trial.label ? "✓ " : "") + label[0] + label.slice(1).toLowerCase();
      made.className = label === trial.label ? "now" : "";
      made.disabled = label === trial.label;
      made.onclick = () => ask({
        name: label, word: label.toLowerCase(), relabel: trial.index,
        question: `Trial ${trial.index} (${trial.scene}) was ${trial.label.toLowerCase()}: make it ${label.toLowerCase()}?`,
      });
      return made;
    }));
    return item;
  }));
}

function idle() {
  if (!board.there) return "Nobody asks: the cell's program is not there.";
  return board.state === "paused" ? "The campaign is paused." : "Nothing is asked: the robot works.";
}

// Another request, or none: nothing of the last one may stay on the screen.
function begin(request) {
  if (shown && !sent && board.ended) tell(board.ended + ".", false);
  shown = request ? request.number : "";
  since = Date.now();
  sent = "";
  ask(null);
  if (request) tell("", false);
  by("tag").value = "";
  by("extra").hidden = !request || !TAGGED.includes(request.kind);
  steps(request);
  by("answers").replaceChildren(...(request ? request.answers.map(button) : []));
  by("before-figure").hidden = !(request && request.steps.length && board.before);
  if (!by("before-figure").hidden) by("before").src = `/picture/before.jpg?${shown}`;
  setTimeout(enable, GUARD + 20);
}

function steps(request) {
  by("steps").replaceChildren(...(request ? request.steps : []).map((text, place) => {
    const item = document.createElement("li"), label = document.createElement("label");
    const box = document.createElement("input"), words = document.createElement("span");
    const key = `${request.number}/${place}`;
    box.type = "checkbox";
    box.checked = sessionStorage.getItem(key) === "1";
    label.className = box.checked ? "ticked" : "";
    box.onchange = () => {
      sessionStorage.setItem(key, box.checked ? "1" : "0");
      label.className = box.checked ? "ticked" : "";
      enable();
    };
    words.textContent = `${place + 1}. ${text}`;
    label.append(box, words);
    item.append(label);
    return item;
  }));
}

function button(answer) {
  const made = document.createElement("button");
  const large = LARGE.includes(answer.name);
  made.textContent = answer.word[0].toUpperCase() + answer.word.slice(1);
  made.title = answer.meaning;
  made.className = `${large ? "large" : ""} ${large ? answer.name : ""} ${answer.name === "DONE" ? "wide" : ""}`;
  made.dataset.answer = answer.name;
  made.onclick = () => (answer.question ? ask(answer) : send(answer));
  return made;
}

// What is dangerous asks back.
function ask(answer) {
  asking = answer;
  by("question").hidden = !answer;
  if (answer) {
    by("question-text").textContent = answer.question;
    by("yes").textContent = `Yes, ${answer.word}`;
  }
}

function send(answer) {
  ask(null);
  if (!alive() || sent) return;
  sent = answer.name;
  tell(`Sending ${answer.word} …`, false);
  line.send(JSON.stringify({ number: shown, answer: answer.name, tag: by("tag").value.trim(), name: "console" }));
  enable();
}

function enable() {
  const ready = alive() && board && board.there && !sent && Date.now() - since >= GUARD;
  const ticked = [...by("steps").querySelectorAll("input")].every((box) => box.checked);
  for (const made of by("answers").children) {
    made.disabled = !ready || (made.dataset.answer === "DONE" && !ticked);
  }
  by("yes").disabled = asking && "relabel" in asking ? !alive() : !ready;
  by("stop").disabled = !alive();
}

function relabel(answer) {
  ask(null);
  if (!alive()) return;
  tell(`Correcting trial ${answer.relabel} …`, false);
  line.send(JSON.stringify({ relabel: answer.relabel, label: answer.name, name: "console" }));
}

by("yes").onclick = () => asking && ("relabel" in asking ? relabel(asking) : send(asking));
by("no").onclick = () => ask(null);
by("stop").onclick = () => {
  if (!alive()) return;
  tell("Stopping the arm …", false);
  line.send(JSON.stringify({ do: "stop_motion" }));
};

// The picture is asked for again when the last one has come: a slow network is not flooded.
function look() {
  const next = new Image();
  next.onload = () => {
    by("now").src = next.src;
    by("now-figure").hidden = false;
    setTimeout(look, 400);
  };
  next.onerror = () => setTimeout(look, 2000);
  next.src = `/picture/now.jpg?${++pictures}`;
}

setInterval(() => {
  show();
  if (!board) return;
  const old = board.picture_age === null || board.picture_age > 3;
  by("now-figure").className = old ? "old" : "";
  by("now-caption").textContent = old && board.picture_age !== null ? `${Math.round(board.picture_age)} s old` : "now";
}, 500);
connect();
look();
