/* A hit as a card: its picture, which plays in place, where it lies, its score and shares, and what can be done with it. */
import { hidden, make } from "./dom.js";
import { end, player } from "./player.js";
import { bar } from "./shares.js";
import { figure, percent, times } from "./words.js";

/**
 * The card of a hit. names: features in the legend's order. best: the score of the first hit.
 * on: {open, like}, called with the hit.
 */
export function card(hit, names, best, on) {
  const title = `title-${hit.item}`;
  const like = make(
    "button",
    { type: "button", class: "plain like", click: () => on.like(hit) },
    "More like this",
    hidden(`: ${hit.name}`),
  );
  const open = make(
    "button",
    { type: "button", class: "plain open", click: () => on.open(hit) },
    "Larger",
    hidden(`: ${hit.name}`),
  );
  return make(
    "li",
    { class: "card", "data-item": hit.item },
    make(
      "article",
      { "aria-labelledby": title },
      media(hit, on),
      make("h2", { id: title, dir: "auto", title: hit.file || hit.name }, hidden(`${hit.rank}. `), hit.name),
      score(hit, best),
      bar(hit, names),
      hit.captions.length && hit.thumbnail ? make("p", { class: "caption", dir: "auto" }, hit.captions[0]) : null,
      make("div", { class: "actions screen-only" }, like, open),
    ),
  );
}

/** The picture of a hit: a press plays the clip in its place, or opens the larger view where nothing plays. */
function media(hit, on) {
  const where = times(hit);
  const plays = hit.play !== null;
  const label = `${plays ? "Play" : "Look at"} ${hit.name}${where ? `, ${where}` : ""}`;
  const button = make(
    "button",
    { type: "button", class: "picture", "aria-label": label, click: () => (plays ? play() : on.open(hit)) },
    picture(hit),
    make("span", { class: "chip rank", "aria-hidden": "true" }, String(hit.rank)),
    where ? make("span", { class: "chip time", "aria-hidden": "true" }, where) : null,
    plays ? make("span", { class: "sign", "aria-hidden": "true" }) : null,
  );
  const place = make("div", { class: "media" }, button);
  const stop = make("button", { type: "button", class: "stop", "aria-label": `Stop ${hit.name}` }, "×");
  stop.addEventListener("click", () => {
    end(place);
    place.replaceChildren(button);
    button.focus();
  });
  const play = () => {
    const shown = player(hit);
    place.replaceChildren(shown, stop);
    (shown.querySelector("video, button") ?? stop).focus();
  };
  return place;
}

/** The thumbnail of a hit; where there is none, its first caption or its id. */
export function picture(hit) {
  const words = () => make("span", { class: "instead", dir: "auto" }, hit.captions[0] ?? hit.name);
  if (!hit.thumbnail) return words();
  const image = make("img", { src: hit.thumbnail, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith(words()), { once: true });
  return image;
}

/** The score of a hit, with a bar as long as its part of the best one. */
export function score(hit, best) {
  const part = best > 0 ? Math.max(hit.score / best, 0) : 0;
  const length = make("span", {});
  length.style.width = `${Math.min(part, 1) * 100}%`;
  const words = best > 0 ? `, ${percent(part)} of the best` : "";
  return make(
    "p",
    { class: "score" },
    hidden("Score "),
    make("span", { class: "track", "aria-hidden": "true" }, length),
    make("b", {}, figure(hit.score, best)),
    hidden(words),
  );
}
