/* The answer: how many videos were found, what to know of it, and their cards. */
import { card } from "./card.js";
import { byId, make } from "./dom.js";
import { end } from "./player.js";
import { features, legend } from "./shares.js";
import { start } from "./start.js";
import { chosen, labels, MOST } from "./state.js";
import { apart, counted, thousands } from "./words.js";

/** The list of hits. on: {open, like}, called with the hit. */
export class Results {
  constructor(on) {
    this.on = on;
    this.hits = [];
    this.names = []; // features in the legend's order
    this.cards = new Map(); // the JSON of a hit -> its card, so that what plays goes on
  }

  /** Show an answer. */
  show(answer, state, workspace) {
    const models = chosen(state, workspace);
    this.hits = answer.hits;
    this.names = features(
      answer.hits,
      models.flatMap((model) => model.features.video),
    );
    byId("status").textContent = found(answer, state, workspace);
    byId("told").replaceChildren(...told(answer));
    byId("start").replaceChildren();
    byId("legend").hidden = !this.names.length;
    byId("legend").replaceChildren(...legend(this.names));
    byId("meaning").textContent = answer.hits.length ? meaning(models.length, Boolean(state.like)) : "";
    byId("more").hidden = answer.hits.length < state.count || state.count >= MOST;
    this.#draw(answer.hits);
  }

  #draw(hits) {
    const best = hits[0]?.score ?? 0;
    const kept = this.cards;
    const place = byId("cards");
    const focused = document.activeElement?.closest?.(".card")?.dataset.item;
    this.cards = new Map(
      hits.map((hit) => {
        const key = JSON.stringify([hit, best, this.names]);
        return [key, kept.get(key) ?? card(hit, this.names, best, this.on)];
      }),
    );
    const cards = [...this.cards.values()];
    for (const old of [...place.children]) if (!cards.includes(old)) {
        end(old);
        old.remove();
      }
    cards.forEach(
      (one, number) => place.children[number] !== one && place.insertBefore(one, place.children[number] ?? null),
    );
    if (focused && !place.contains(document.activeElement))
      place.querySelector(`[data-item="${CSS.escape(focused)}"] .picture`)?.focus({ preventScroll: true });
  }

  /** Nothing is asked: show the start. on: called with the sentence of an example. */
  begin(workspace, on, signal) {
    this.#empty();
    byId("status").textContent = "";
    byId("told").replaceChildren(...notes(workspace.notes));
    byId("start").replaceChildren(...start(workspace, on, signal));
  }

  /** Show why there is no answer. */
  refuse(words) {
    this.#empty();
    byId("status").textContent = "";
    byId("told").replaceChildren(make("p", { class: "warn", role: "alert" }, words));
    byId("start").replaceChildren();
  }

  #empty() {
    [this.hits, this.names, this.cards] = [[], [], new Map()];
    byId("cards").replaceChildren();
    byId("meaning").textContent = "";
    byId("legend").hidden = true;
    byId("more").hidden = true;
  }
}

function found(answer, state, workspace) {
  if (!answer.hits.length) return "No videos.";
  const where = state.split === "all" ? `of ${counted(workspace.videos, "video")}` : `videos of ${state.split}`;
  const what = state.like ? ` like ${apart(state.like)}` : "";
  const by = state.models.length ? labels(state, workspace) : answer.model;
  const milliseconds = thousands(Math.round(answer.milliseconds));
  return `The ${thousands(answer.hits.length)} nearest ${where}${what}, by ${by}, in ${milliseconds}\u00a0ms`;
}

function told(answer) {
  const words = Object.entries(answer.unknown ?? {}).map(([word, names]) => `“${word}” (${names.join(", ")})`);
  const lines = [...answer.notes];
  if (answer.lost) lines.push("NO WORD of this sentence is known, so the order says nothing.");
  else if (words.length) lines.push(`Some features do not know a word, and leave it out: ${words.join(", ")}`);
  return notes(lines);
}

/** Lines to know of. Those that begin in capitals, such as RANDOM WEIGHTS, take the worth of what is shown. */
function notes(lines) {
  return lines.map((line) => make("p", { class: /^[A-Z]{3}/.test(line) ? "warn" : "note" }, ...withCode(line)));
}

/** The parts of a text, those between `…` as code. */
function withCode(text) {
  return text.split("`").map((part, number) => (number % 2 ? make("code", {}, part) : part));
}

function meaning(models, like) {
  if (models > 1)
    return "Score: over the models, the sum of weight / (60 + rank). It orders these videos and says nothing beyond that.";
  const what = like ? "the two videos" : "sentence and video";
  return (
    `Score: the cosine between ${what}, from −1 to 1; the nearer, the higher. ` +
    "It orders these videos and is no probability. Bars show it as a part of the best one."
  );
}
