"use strict";
const element = (id) => document.getElementById(id);
const pairs = [...document.querySelectorAll(".pair")];
const slider = element("slider");
let shown = 0;

function show(number) {
  pairs[shown].removeAttribute("aria-current");
  shown = (number + pairs.length) % pairs.length;
  const pair = pairs[shown], data = pair.dataset;
  pair.setAttribute("aria-current", "true");
  pair.querySelectorAll("img").forEach((image, side) => {
    const screen = element(side ? "viewer-unwrapped" : "viewer-wrapped");
    screen.src = image.src;
    screen.alt = image.alt;
  });
  element("viewer-title").textContent = data.title;
  element("viewer-facts").textContent = data.facts;
  element("viewer-low").textContent = data.low.replace("-", "−");
  element("viewer-high").textContent = data.high.replace("-", "−");
  slider.value = shown;
  slider.setAttribute("aria-valuetext", data.title);
}

slider.addEventListener("input", () => show(Number(slider.value)));
element("previous").addEventListener("click", () => show(shown - 1));
element("next").addEventListener("click", () => show(shown + 1));
pairs.forEach((pair, number) => pair.addEventListener("click", () => {
  show(number);
  element("viewer").scrollIntoView({ block: "nearest" });
}));
document.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const own = event.target.closest("input, .scroll, pre");  // these have a use of their own for arrows
  if (!step || own || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(shown + step);
});
element("viewer").hidden = false;
show(0);
