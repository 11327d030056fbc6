/* The keyboard: each key, what it does, and the page that lists them. */
import { byId, make } from "./dom.js";

const WRITING = "input:not([type=checkbox], [type=range]), textarea, select";

/** The keys as a reader sees them. */
const LIST = [
  ["/", "write a sentence"],
  ["j or →", "the next video"],
  ["k or ←", "the previous video"],
  ["↓ and ↑", "the video below or above"],
  ["Enter", "play it"],
  ["l", "larger view"],
  ["m", "more like this"],
  ["w", "models and weights"],
  ["c", "copy the link"],
  ["Esc", "stop, or close"],
  ["?", "these keys"],
];

/** The page of keys. */
export function showKeys() {
  const dialog = byId("keys");
  const list = LIST.filter(([key]) => key !== "w" || !byId("panel-toggle").hidden); // with one model there is no choice
  const lines = list.map(([key, what]) => make("div", {}, make("dt", {}, make("kbd", {}, key)), make("dd", {}, what)));
  const close = make("button", { type: "button", click: () => dialog.close() }, "Close");
  dialog.replaceChildren(make("h2", { id: "keys-title" }, "Keys"), make("dl", {}, lines), close);
  if (!dialog.open) dialog.showModal();
}

/** Listen to keys. on: {weights, copy}; viewer: the larger view. */
export function listen(viewer, on) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target, key } = event;
    if (byId("keys").open) return; // the dialog has keys of its own
    if (target === byId("sentence")) {
      if (key === "ArrowDown" && focusCard(0)) event.preventDefault();
      if (key === "Escape" && !target.value) target.blur();
      if (key === "/" && !target.value) event.preventDefault(); // it is here already
      return;
    }
    if (target.matches?.(WRITING)) return;
    const done = viewer.isOpen ? inViewer(viewer, on, key, target) : onPage(on, key, target);
    if (done) event.preventDefault();
  });
}

function inViewer(viewer, on, key, target) {
  const others = target.matches?.("input, video"); // arrows move these
  if (key === "j" || (key === "ArrowRight" && !others)) viewer.turn(1);
  else if (key === "k" || (key === "ArrowLeft" && !others)) viewer.turn(-1);
  else if (key === "m") viewer.like();
  else if (key === "c") on.copy();
  else return false;
  return true;
}

function onPage(on, key, target) {
  const card = target.closest?.(".card") ?? null;
  const step = { j: 1, k: -1, ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns() }[key];
  const others = key.startsWith("Arrow") && (target.matches?.("input, video") || !card); // it moves a slider or the page
  if (step && !others) return moved(card, step);
  if (key === "/") return focusSearch();
  if (key === "?") showKeys();
  else if (key === "w") on.weights();
  else if (key === "c") on.copy();
  else if (key === "m") return press(card, ".like");
  else if (key === "l") return press(card, ".open");
  else if (key === "Escape") return press(card, ".stop");
  else return false;
  return true;
}

function moved(card, step) {
  const cards = [...byId("cards").children];
  const number = card ? cards.indexOf(card) + step : 0;
  if (card && number < 0) return focusSearch();
  return focusCard(number);
}

/** Put the focus on the picture, or the player, of the card of this number; whether there is one. */
export function focusCard(number) {
  const place = byId("cards").children[number]?.querySelector(".picture, video, .player button");
  place?.focus();
  place?.closest(".card").scrollIntoView({ block: "nearest" });
  return Boolean(place);
}

function focusSearch() {
  byId("sentence").focus();
  byId("sentence").select();
  return true;
}

function press(card, button) {
  const found = card?.querySelector(button);
  found?.click();
  return Boolean(found);
}

/** How many cards stand beside each other. */
function columns() {
  const cards = [...byId("cards").children];
  return Math.max(cards.filter((card) => card.offsetTop === cards[0].offsetTop).length, 1);
}
