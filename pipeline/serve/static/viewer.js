/* The larger view of a hit, with all that is known of it. */
import { picture, score } from "./card.js";
import { byId, make } from "./dom.js";
import { end, player } from "./player.js";
import { list } from "./shares.js";
import { times } from "./words.js";

/** A dialog over the hits. on: {turned, closed, like, copy}: turned and like are called with the hit. */
export class Viewer {
  constructor(on) {
    this.on = on;
    this.dialog = byId("viewer");
    this.dialog.addEventListener("close", () => {
      end(this.dialog);
      this.dialog.replaceChildren();
      on.closed();
    });
    this.dialog.addEventListener("click", ({ target }) => target === this.dialog && this.close());
  }

  get isOpen() {
    return this.dialog.open;
  }

  /** Show the hit of this number. names: features in the legend's order. */
  show(hits, number, names) {
    [this.hits, this.number, this.names] = [hits, number, names];
    const hit = hits[number];
    const title = make("h2", { id: "viewer-title", dir: "auto" }, hit.name);
    const close = this.#button("Close", () => this.close(), { class: "plain close", "aria-label": "Close" }, "×");
    const actions = [
      this.#button("Previous", () => this.turn(-1), { disabled: number === 0 }),
      this.#button("Next", () => this.turn(1), { disabled: number === hits.length - 1 }),
      this.#button("More like this", () => this.like()),
      this.#button("Copy link", () => this.on.copy()),
    ];
    const content = make(
      "div",
      {},
      make("div", { class: "viewer-head" }, title, close),
      view(hit),
      make("div", { class: "viewer-facts" }, this.#facts(hit), list(hit, names)),
      captions(hit),
      make("div", { class: "actions" }, actions),
    );
    end(this.dialog);
    this.dialog.replaceChildren(content);
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
  }

  /** The next hit (1) or the previous one (-1), if there is one; the same button keeps the focus. */
  turn(step) {
    const number = this.number + step;
    if (!this.hits[number]) return;
    const name = document.activeElement?.textContent;
    this.show(this.hits, number, this.names);
    const buttons = [...this.dialog.querySelectorAll("button:not([disabled])")];
    (buttons.find((button) => button.textContent === name) ?? buttons[0]).focus();
    this.on.turned(this.hits[number]);
  }

  /** More like the hit that is shown. */
  like() {
    const hit = this.hits[this.number];
    this.on.like(hit);
  }

  close() {
    this.dialog.close();
  }

  #button(name, click, attributes = {}, text = name) {
    return make("button", { type: "button", click, ...attributes }, text);
  }

  #facts(hit) {
    const where = times(hit);
    const fact = (name, value) => (value ? [make("dt", {}, name), make("dd", {}, value)] : []);
    return make(
      "dl",
      {},
      fact("Rank", `${hit.rank} of ${this.hits.length} shown`),
      fact(hit.start === null ? "Length" : "Part", where),
      fact("File", hit.file),
      fact("Score", score(hit, this.hits[0].score)),
    );
  }
}

/** What is seen of a hit: its clip, else its picture, else nothing. */
function view(hit) {
  if (hit.play !== null) return player(hit);
  return hit.thumbnail ? make("div", { class: "player" }, picture(hit)) : null;
}

function captions(hit) {
  if (!hit.captions.length) return null;
  return make(
    "section",
    { "aria-label": "Captions" },
    make("h3", {}, "Captions"),
    make(
      "ul",
      {},
      hit.captions.map((text) => make("li", { dir: "auto" }, text)),
    ),
  );
}
