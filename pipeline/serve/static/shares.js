/* The share of each feature in a video's vector: a thin bar in the colours of the legend, and a list. */
import { hidden, make } from "./dom.js";
import { percent } from "./words.js";

const COLOURS = 6; // of style.css; features beyond them have the same ones, striped

/** The class of a feature's colour. names: all features, in the legend's order. */
function colour(name, names) {
  const place = Math.max(names.indexOf(name), 0);
  return `series series-${(place % COLOURS) + 1}${place >= COLOURS ? " striped" : ""}`;
}

/** The names of the features that hits have shares of: those of the models first, in their order. */
export function features(hits, known) {
  const present = new Set(hits.flatMap((hit) => Object.keys(hit.shares)));
  return [...new Set([...known, ...present])].filter((name) => present.has(name));
}

/** A swatch and a name for each feature. */
export function legend(names) {
  return names.map((name) => make("li", {}, make("span", { class: colour(name, names), "aria-hidden": "true" }), name));
}

/** The bar of a hit, with its largest share in words, and all of them for those who listen; null where it has none. */
export function bar(hit, names) {
  const shares = names.filter((name) => name in hit.shares).map((name) => [name, hit.shares[name]]);
  if (!shares.length) return null;
  const words = shares.map(([name, part]) => `${name} ${percent(part)}`).join(", ");
  const [first, most] = shares.reduce((best, one) => (one[1] > best[1] ? one : best));
  const parts = shares.map(([name, part]) => {
    const piece = make("span", { class: colour(name, names) });
    piece.style.flexGrow = String(Math.max(part, 0));
    return piece;
  });
  return make(
    "p",
    { class: "shares", title: words },
    hidden(`Shares: ${words}`),
    make("span", { class: "stack", "aria-hidden": "true" }, parts),
    make("span", { "aria-hidden": "true" }, `${first} ${percent(most)}`),
  );
}

/** The shares of a hit as a list, largest first; null where it has none. */
export function list(hit, names) {
  const shares = Object.entries(hit.shares).sort((one, other) => other[1] - one[1]);
  if (!shares.length) return null;
  const line = ([name, part]) => {
    const piece = make("span", { class: colour(name, names), "aria-hidden": "true" });
    piece.style.width = `${Math.max(part, 0) * 100}%`;
    return make(
      "li",
      {},
      make("span", { class: "name" }, name),
      make("span", { class: "track" }, piece),
      percent(part),
    );
  };
  return make("ul", { class: "share-list", "aria-label": "Share of each feature" }, shares.map(line));
}
