"use strict";

const { page, key, question, pairs } = JSON.parse(document.getElementById("data").textContent);
const STORE = `onestep-votes-${page}`;
const byId = (id) => document.getElementById(id);

// choices: "left", "right" or "tie" by the name of the pair. place: the pair that is shown.
let state = { rater: "", choices: {}, place: 0 };

function tell(text) {
  byId("message").textContent = text;
}

function keep() {
  try {
    localStorage.setItem(STORE, JSON.stringify(state));
  } catch (error) {
    tell(`This browser keeps nothing over a reload (${error.name}): save your votes before you close the page.`);
  }
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE));
    if (kept && kept.rater) state = kept;
  } catch (error) {
    tell(`Votes from before cannot be read (${error.name}).`);
  }
}

function show() {
  const view = !state.rater ? "intro" : state.place >= pairs.length ? "done" : "voting";
  for (const id of ["intro", "voting", "done"]) byId(id).hidden = id !== view;
  byId("progress").value = Object.keys(state.choices).length;
  if (view === "voting") showPair(pairs[state.place]);
}

function showPair(pair) {
  for (const side of ["left", "right", "source"]) {
    if (byId(side)) byId(side).src = pair[side];
  }
  byId("place").textContent = `${state.place + 1} of ${pairs.length}`;
  byId("back").disabled = state.place === 0;
  for (const button of document.querySelectorAll("[data-choice]")) {
    button.setAttribute("aria-pressed", String(state.choices[pair.name] === button.dataset.choice));
  }
}

function vote(choice) {
  state.choices[pairs[state.place].name] = choice;
  go(1);
}

function go(steps) {
  state.place = Math.min(Math.max(state.place + steps, 0), pairs.length);
  tell("");
  keep();
  show();
}

function save() {
  const votes = pairs
    .filter((pair) => pair.name in state.choices)
    .map((pair) => ({ pair: pair.name, choice: state.choices[pair.name] }));
  if (!votes.length) return tell("There is no vote to save yet.");
  const saved = new Date().toISOString();
  const content = { format: "onestep-votes", version: 1, page, question, rater: state.rater, saved, votes, key };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
  link.download = `votes-${state.rater.replace(/[^\p{L}\p{N}]+/gu, "-")}-${page}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  tell(`${votes.length} of ${pairs.length} votes went into ${link.download}.`);
}

function startOver() {
  if (!confirm("Forget these votes in this browser and start again? Save them first.")) return;
  state = { rater: "", choices: {}, place: 0 };
  tell("");
  keep();
  show();
  byId("rater").value = "";
  byId("rater").focus();
}

byId("start").addEventListener("submit", (event) => {
  event.preventDefault();
  state.rater = byId("rater").value.trim();
  if (!state.rater) return tell("Enter a name or initials first.");
  document.activeElement.blur();
  go(0);
});
for (const button of document.querySelectorAll("[data-choice]")) {
  button.addEventListener("click", () => vote(button.dataset.choice));
}
for (const button of document.querySelectorAll(".save")) button.addEventListener("click", save);
byId("back").addEventListener("click", () => go(-1));
byId("review").addEventListener("click", () => go(-1));
byId("next-rater").addEventListener("click", startOver);

const CHOICES = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", t: "tie", T: "tie" };
document.addEventListener("keydown", (event) => {
  // A key that is held down is one vote, not many.
  if (!state.rater || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const voting = !byId("voting").hidden;
  if (voting && event.key in CHOICES) vote(CHOICES[event.key]);
  else if (event.key === "ArrowUp" || event.key === "Backspace") go(-1);
  else return;
  event.preventDefault();
});

recall();
show();
if (!state.rater) byId("rater").focus();
