/* What the page shows, as its address holds it: a link brings all of it back. */

export const STEP = 24; // hits that one press of "Show more" adds
export const MOST = 500; // hits that the server gives at once
export const LONGEST = 2000; // letters of a sentence that the server takes

export const EMPTY = {
  workspace: "", // its key; "": the first one
  sentence: "",
  like: "", // the id of a video; its neighbours are shown instead of a sentence's answer
  models: [], // names; none: the main ones
  weights: {}, // "video:x3d" -> a number that is not 1
  split: "all",
  count: STEP,
  hit: "", // the id of the video in the larger view
};

/** The state in an address's search part. */
export function read(search) {
  const given = new URLSearchParams(search);
  const weights = {};
  for (const text of given.getAll("weight")) {
    const at = text.lastIndexOf("=");
    const value = Number(text.slice(at + 1));
    if (at > 0 && text.slice(at + 1) && Number.isFinite(value) && value >= 0) weights[text.slice(0, at)] = value;
  }
  const count = Math.round(Number(given.get("k")));
  return {
    workspace: given.get("w") ?? "",
    sentence: given.get("q") ?? "",
    like: given.get("like") ?? "",
    models: [...new Set(given.getAll("model"))],
    weights,
    split: given.get("split") || "all",
    count: count >= 1 ? Math.min(count, MOST) : STEP,
    hit: given.get("hit") ?? "",
  };
}

/** What is asked of the server: all that shapes an answer, in one order. */
export function question(state) {
  const asked = new URLSearchParams();
  if (state.workspace) asked.set("w", state.workspace);
  if (state.like) asked.set("id", state.like);
  else asked.set("q", state.sentence);
  for (const name of state.models) asked.append("model", name);
  for (const [name, value] of Object.entries(state.weights).sort()) asked.append("weight", `${name}=${value}`);
  if (state.split !== "all") asked.set("split", state.split);
  asked.set("k", String(state.count));
  return asked;
}

/** The address of a state; what is as usual is left out. */
export function address(state) {
  const asked = question(state);
  asked.delete("id");
  if (state.like) asked.set("like", state.like);
  else if (!state.sentence) asked.delete("q");
  if (state.count === STEP) asked.delete("k");
  if (state.hit) asked.set("hit", state.hit);
  const text = asked.toString();
  return text ? `/?${text}` : "/";
}

/** The models that answer in this state: those it names, else the main ones. */
export function chosen(state, workspace) {
  const of = (names) => workspace.models.filter((model) => names.includes(model.name));
  return of(state.models).length ? of(state.models) : of(workspace.main);
}

/** What these models are called together. */
export function labels(state, workspace) {
  return chosen(state, workspace)
    .map((model) => model.label)
    .join(" + ");
}

/** The names of the weights that some models have: "model:laff" where there are several, "video:x3d", "text:bow". */
export function weighable(models) {
  const features = (side) =>
    models
      .filter((model) => model.weighable[side])
      .flatMap((model) => model.features[side].map((name) => `${side}:${name}`));
  const several = models.length > 1 ? models.map((model) => `model:${model.name}`) : [];
  return [...new Set([...several, ...features("video"), ...features("text")])];
}

/** The state without what a workspace does not have: models, a split, weights of models and features. */
export function fitting(state, workspace) {
  const names = workspace.models.map((model) => model.name);
  const fit = { ...state, workspace: workspace.key, models: state.models.filter((name) => names.includes(name)) };
  const known = weighable(chosen(fit, workspace));
  fit.weights = Object.fromEntries(Object.entries(state.weights).filter(([name]) => known.includes(name)));
  fit.split = workspace.splits.includes(state.split) ? state.split : "all";
  return fit;
}
