/* Which models answer, and how much each of them and of their features counts. */
import { byId, make } from "./dom.js";

const MOST = 2; // the right end of a slider; 1 is as learned

/** The models that answer in this state: those it names, else the main one. */
export function chosen(state, workspace) {
  const named = workspace.models.filter((model) => state.models.includes(model.name));
  return named.length ? named : workspace.models.slice(0, 1);
}

/** Whether there is anything to choose or to weigh. */
export function choice(workspace) {
  return workspace.models.length > 1 || workspace.models.some((model) => model.weighable.video || model.weighable.text);
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
    this.state = state;
    const made = JSON.stringify([workspace.key, chosen(state, workspace).map((model) => model.name)]);
    if (made !== this.drawn) this.#draw(workspace);
    this.drawn = made;
    for (const slider of this.place.querySelectorAll("input[type=range]")) set(slider, state.weights[slider.name] ?? 1);
    this.place.querySelector(".reset").disabled = !Object.keys(state.weights).length;
  }

  #draw(workspace) {
    const focused = document.activeElement?.id;
    const models = chosen(this.state, workspace);
    const several = models.length > 1;
    const groups = [
      this.#group(
        "Models",
        workspace.models.map((model) => this.#model(model, models, several)),
      ),
      this.#features("Features of videos", "video", models),
      this.#features("Features of sentences", "text", models),
    ];
    const fixed = models.filter((model) => !model.weighable.video && !model.weighable.text).map((model) => model.label);
    const close = make(
      "button",
      { type: "button", class: "plain close", "aria-label": "Close the weights", click: this.close },
      "×",
    );
    this.place.replaceChildren(
      make("div", { class: "panel-head" }, make("h2", { id: "panel-title" }, "Models and weights"), close),
      ...groups.filter(Boolean),
      make("p", { class: "dim" }, "1 is as learned, 0 leaves out, 2 counts double."),
      ...(fixed.length ? [make("p", { class: "dim" }, `${fixed.join(", ")}: nothing to weigh inside.`)] : []),
      make(
        "button",
        { type: "button", class: "reset", click: () => this.changed({ ...this.state, weights: {} }) },
        "Reset the weights",
      ),
    );
    if (focused) byId(focused)?.focus();
  }

  #model(model, models, several) {
    const on = models.includes(model);
    const box = make("input", { type: "checkbox", id: `model-${model.name}` });
    box.checked = on;
    box.addEventListener("change", () => {
      const others = models.map((one) => one.name).filter((name) => name !== model.name);
      const weights = { ...this.state.weights };
      if (!box.checked) delete weights[`model:${model.name}`];
      this.changed({ ...this.state, weights, models: box.checked ? [...others, model.name] : others });
    });
    const choice = make("label", { class: "choice" }, box, model.label);
    return make(
      "div",
      {},
      choice,
      on && several ? this.#slider(`model:${model.name}`, "weight", `Weight of ${model.label}`) : null,
    );
  }

  #features(title, side, models) {
    const names = [
      ...new Set(models.filter((model) => model.weighable[side]).flatMap((model) => model.features[side])),
    ];
    if (!names.length) return null;
    return this.#group(
      title,
      names.map((name) => this.#slider(`${side}:${name}`, name, `Weight of ${name}, ${title.toLowerCase()}`)),
    );
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
