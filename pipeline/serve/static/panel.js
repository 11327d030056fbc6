/* Which models answer, and how much each of them and of their features counts. */
import { byId, make } from "./dom.js";
import { chosen, fitting, weighable } from "./state.js";

const MOST = 2; // the right end of a slider; 1 is as learned

/** Whether there is anything to choose or to weigh. */
export function choice(workspace) {
  return workspace.models.length > 1 || weighable(workspace.models).length > 0;
}

/** The panel of a workspace. on: {changed, close}; changed is called with the new state. */
export class Panel {
  constructor(on) {
    [this.changed, this.close] = [on.changed, on.close];
    this.place = byId("panel");
    this.drawn = ""; // what the panel was made for
  }

  /** Show the controls of a state; those that a reader is moving stay as they are. */
  show(state, workspace) {
    [this.state, this.workspace] = [state, workspace];
    const made = JSON.stringify([workspace.key, chosen(state, workspace).map((model) => model.name)]);
    if (made !== this.drawn) this.#draw(chosen(state, workspace));
    this.drawn = made;
    for (const slider of this.place.querySelectorAll("input[type=range]")) set(slider, state.weights[slider.name] ?? 1);
    this.place.querySelector(".reset").disabled = !Object.keys(state.weights).length;
  }

  #draw(models) {
    const focused = document.activeElement?.id;
    const weights = weighable(models);
    const groups = [
      this.#group(
        "Models",
        this.workspace.models.map((model) => this.#model(model, models, weights)),
      ),
      this.#features("Features of videos", "video:", weights),
      this.#features("Features of sentences", "text:", weights),
    ];
    const fixed = models.filter((model) => !weighable([model]).length).map((model) => model.label);
    const close = make(
      "button",
      { type: "button", class: "plain close", "aria-label": "Close the weights", click: this.close },
      "×",
    );
    this.place.replaceChildren(
      make("div", { class: "panel-head" }, make("h2", { id: "panel-title" }, "Models and weights"), close),
      ...groups.filter(Boolean),
      make("p", { class: "dim" }, "1 is as learned, 0 leaves out, 2 counts twice."),
      ...(fixed.length ? [make("p", { class: "dim" }, `${fixed.join(", ")}: nothing to weigh inside.`)] : []),
      make(
        "button",
        { type: "button", class: "reset", click: () => this.changed({ ...this.state, weights: {} }) },
        "Reset the weights",
      ),
    );
    if (focused) byId(focused)?.focus();
  }

  #model(model, models, weights) {
    const box = make("input", { type: "checkbox", id: `model-${model.name}` });
    box.checked = models.includes(model);
    box.addEventListener("change", () => {
      const others = models.map((one) => one.name).filter((name) => name !== model.name);
      const names = box.checked ? [...others, model.name] : others;
      this.changed(fitting({ ...this.state, models: names }, this.workspace));
    });
    const label = make("label", { class: "choice" }, box, model.label);
    const weight = `model:${model.name}`;
    if (!weights.includes(weight)) return label;
    return make("div", {}, label, this.#slider(weight, "weight", `Weight of ${model.label}`));
  }

  #features(title, side, weights) {
    const own = weights.filter((weight) => weight.startsWith(side));
    const line = (weight) => {
      const name = weight.slice(side.length);
      return this.#slider(weight, name, `Weight of ${name}, ${title.toLowerCase()}`);
    };
    return own.length ? this.#group(title, own.map(line)) : null;
  }

  #group(title, lines) {
    return make("fieldset", {}, make("legend", {}, title), make("div", { class: "lines" }, lines));
  }

  #slider(name, text, label) {
    const slider = make("input", { type: "range", name, min: 0, max: MOST, step: 0.1, "aria-label": label });
    slider.addEventListener("input", () => {
      const weights = { ...this.state.weights, [name]: Number(slider.value) };
      if (weights[name] === 1) delete weights[name];
      this.changed({ ...this.state, weights });
    });
    return make("label", { class: "weight" }, make("span", {}, text), slider, make("output", {}));
  }
}

/** Put a slider to a value; one beyond its end, as a link may have it, moves the end. */
function set(slider, value) {
  slider.max = String(Math.max(MOST, value));
  slider.value = String(value);
  slider.nextElementSibling.textContent = String(value);
}
