"use strict";

const pictures = JSON.parse(document.getElementById("data").textContent);
for (const image of document.querySelectorAll("img[data-picture]")) {
  image.src = pictures[image.dataset.picture];
}

// A slider wipes over its own pair.
function follow(pair) {
  const slider = pair.querySelector("input");
  const move = () => {
    pair.style.setProperty("--at", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${Math.round(slider.value)} % input`);
  };
  slider.addEventListener("input", move);
  slider.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    slider.value = Number(slider.value) + step;
    move();
  });
  move();
}
document.querySelectorAll(".wipe").forEach(follow);

// A small picture opens the large view: input against it; for the input itself, against the output.
const large = document.getElementById("large");
function openLarge(button) {
  const shown = button.dataset.shows === "input" ? "output" : button.dataset.shows;
  const card = button.closest(".case");
  const image = (name) => card.querySelector(`.small[data-shows="${name}"] img`);
  if (!image("input") || !image(shown)) return;
  const [below, above] = large.querySelectorAll("img");
  for (const [to, from] of [[below, image("input")], [above, image(shown)]]) {
    to.src = from.src;
    to.alt = from.alt;
  }
  large.querySelector(".corner.right").textContent = shown;
  large.querySelector(".file").textContent = card.querySelector(".file").textContent;
  const [width, height] = ["width", "height"].map((name) => image("input").getAttribute(name));
  large.querySelector(".wipe").style.aspectRatio = `${width} / ${height}`;
  large.showModal();
  large.querySelector(".wipe input").focus();
}
if (large) {
  for (const button of document.querySelectorAll(".small")) {
    button.addEventListener("click", () => openLarge(button));
  }
  large.querySelector(".close").addEventListener("click", () => large.close());
  large.addEventListener("click", (event) => {
    if (event.target === large) large.close();
  });
}

// Two videos of a clip run in step; the input is the clock.
const MOST_DRIFT_SECONDS = 0.06;
function playTogether(clip) {
  const [clock, follower] = clip.querySelectorAll("video");
  const button = clip.querySelector(".play");
  const time = clip.querySelector(".time");
  if (!clock) return;
  const align = () => {
    if (Math.abs(clock.currentTime - follower.currentTime) > MOST_DRIFT_SECONDS) {
      follower.currentTime = clock.currentTime;
    }
  };
  button.addEventListener("click", () => (clock.paused ? clock.play() : clock.pause()));
  clock.addEventListener("play", () => {
    button.textContent = "Stop";
    follower.play();
  });
  clock.addEventListener("pause", () => {
    button.textContent = "Play";
    follower.pause();
    align();
  });
  clock.addEventListener("timeupdate", () => {
    align();
    time.value = clock.duration ? clock.currentTime / clock.duration : 0;
  });
  time.addEventListener("input", () => {
    clock.currentTime = time.value * clock.duration;
    follower.currentTime = clock.currentTime;
  });
}
document.querySelectorAll(".clip").forEach(playTogether);
