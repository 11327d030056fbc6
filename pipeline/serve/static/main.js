/* The search page: its state is its address, and what it shows follows from that. */
import { ask, Problem } from "./api.js";
import { byId, make } from "./dom.js";
import { focusCard, listen, showKeys } from "./keys.js";
import { copy, say } from "./message.js";
import { choice, Panel } from "./panel.js";
import { oneAtATime } from "./player.js";
import { Results } from "./results.js";
import { address, EMPTY, fitting, labels, LONGEST, MOST, question, read, STEP } from "./state.js";
import { Viewer } from "./viewer.js";
import { apart, thousands } from "./words.js";

const TYPING = 250; // milliseconds without a key before a sentence is asked
const SLOW = 200; // milliseconds after which a wait is shown

let state = read(location.search);
let workspaces = [];
let shown = ""; // the question that the page shows the answer of
let asking = new AbortController();
let timer = 0;

const open = (hit) => go({ ...state, hit: hit.id }, "opened");
const like = async (hit) => {
  await go({ ...state, like: hit.id, sentence: "", count: STEP, hit: "" });
  focusCard(0);
};
const panel = new Panel({ changed: (next) => later({ ...next, count: STEP }), close: () => togglePanel(false) });
const results = new Results({ open, like });
const viewer = new Viewer({ like, copy, turned: (hit) => go({ ...state, hit: hit.id }, "turned"), closed });

function workspace() {
  return workspaces.find((one) => one.key === state.workspace) ?? workspaces[0];
}

/**
 * Show another state. how: "step" and "opened" are new pages of the history; "turned" and "more" change the last one,
 * and so does "typed" if that was typed as well.
 */
async function go(next, how = "step") {
  clearTimeout(timer);
  const last = history.state ?? {};
  const same = address(next) === location.pathname + location.search;
  state = next;
  if (how === "turned" || how === "more" || (how === "typed" && last.how === "typed"))
    history.replaceState(last, "", address(state));
  else history[same ? "replaceState" : "pushState"]({ how }, "", address(state));
  if (viewer.isOpen && !state.hit) viewer.close();
  if (how === "step") scrollTo(0, 0);
  await show();
}

/** Show a state once its reader has paused. */
function later(next) {
  state = next;
  reflect();
  clearTimeout(timer);
  timer = setTimeout(() => go(next, "typed"), TYPING);
}

/** Show the state: the controls at once, the answer when it is there. */
async function show() {
  reflect();
  const asked = question(state).toString();
  if (asked !== shown) {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const wait = setTimeout(() => (byId("progress").hidden = false), SLOW);
    byId("found").setAttribute("aria-busy", "true");
    try {
      await answer(signal);
      shown = asked;
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      results.refuse(error.message);
      shown = "";
    } finally {
      clearTimeout(wait);
      if (!signal.aborted) {
        byId("progress").hidden = true;
        byId("found").removeAttribute("aria-busy");
      }
    }
  }
  look();
}

/** Ask, and show the answer. */
async function answer(signal) {
  const [asked, here] = [state, workspace()]; // the state may be another one when the answer comes
  if (asked.workspace && asked.workspace !== here.key) {
    const keys = workspaces.map((one) => one.key).join(", ");
    throw new Problem(`No collection “${asked.workspace}” is served here. These are: ${keys}`);
  }
  if ([...asked.sentence].length > LONGEST)
    throw new Problem(`The sentence is longer than ${thousands(LONGEST)} letters; shorten it.`);
  if (!asked.like && !asked.sentence.trim()) {
    results.begin(here, (sentence) => go({ ...state, sentence }), signal);
    return;
  }
  const path = asked.like ? "/api/like" : "/api/search";
  results.show(await ask(path, question({ ...asked, workspace: here.key }), signal), asked, here);
}

/** Open, turn or close the larger view as the state says. */
function look() {
  const number = state.hit ? results.hits.findIndex((hit) => hit.id === state.hit) : -1;
  if (number < 0) {
    if (viewer.isOpen) viewer.close();
    else if (state.hit) say(`${state.hit} is not among these videos.`);
  } else if (!viewer.isOpen || viewer.hits[viewer.number].id !== state.hit)
    viewer.show(results.hits, number, results.names);
}

function closed() {
  if (!state.hit) return;
  const { hit } = state;
  state = { ...state, hit: "" };
  if (history.state?.how === "opened") history.back();
  else history.replaceState(history.state, "", address(state));
  focusCard(results.hits.findIndex((one) => one.id === hit));
}

/** Put the controls to the state. */
function reflect() {
  const here = workspace();
  const box = byId("sentence");
  if (box.value !== state.sentence) box.value = state.sentence;
  byId("workspace").value = here.key;
  byId("split").replaceChildren(
    ...["all", ...here.splits.filter((name) => name !== "all")].map((name) => make("option", { value: name }, name)),
  );
  byId("split").value = state.split;
  byId("split-choice").hidden = byId("split").options.length < 3;
  panel.show(state, here);
  byId("panel-toggle").hidden = !choice(here);
  if (!choice(here)) togglePanel(false);
  const weighted = Object.keys(state.weights).length ? ", weighted" : "";
  byId("panel-toggle").textContent = `Models and weights: ${labels(state, here)}${weighted}`;
  document.title = [state.like ? `like ${apart(state.like)}` : state.sentence, here.name, "laff"].filter(Boolean).join(" – ");
}

function togglePanel(open = byId("panel").hidden) {
  if (!open && byId("panel").contains(document.activeElement)) byId("panel-toggle").focus();
  byId("panel").hidden = !open;
  byId("panel-toggle").setAttribute("aria-expanded", String(open));
}

function listenToControls() {
  const box = byId("sentence");
  box.addEventListener("input", () => later({ ...state, sentence: box.value, like: "", count: STEP, hit: "" }));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    go({ ...state, sentence: box.value, like: "", count: STEP, hit: "" });
  });
  byId("workspace").addEventListener("change", ({ target }) =>
    go(
      fitting(
        { ...state, like: "", count: STEP },
        workspaces.find((one) => one.key === target.value),
      ),
    ),
  );
  byId("split").addEventListener("change", ({ target }) => go({ ...state, split: target.value, count: STEP }));
  byId("more").addEventListener("click", async () => {
    const before = results.hits.length;
    await go({ ...state, count: Math.min(state.count + STEP, MOST) }, "more");
    focusCard(before);
  });
  byId("home").addEventListener("click", (event) => {
    event.preventDefault();
    go({ ...EMPTY, workspace: state.workspace });
  });
  byId("panel-toggle").addEventListener("click", () => togglePanel());
  byId("copy").addEventListener("click", copy);
  byId("help").addEventListener("click", showKeys);
  listen(viewer, { copy, weights: () => choice(workspace()) && togglePanel() });
  addEventListener("popstate", () => {
    state = read(location.search);
    show();
  });
  oneAtATime();
}

async function start() {
  byId("progress").hidden = false;
  try {
    workspaces = await ask("/api/workspaces");
  } catch (error) {
    results.refuse(error.message);
    return;
  } finally {
    byId("progress").hidden = true;
  }
  byId("workspace").replaceChildren(...workspaces.map((one) => make("option", { value: one.key }, one.name)));
  byId("workspace-choice").hidden = workspaces.length < 2;
  byId("choices").hidden = false;
  listenToControls();
  if (Object.keys(state.weights).length && matchMedia("(min-width: 60rem)").matches) togglePanel(true); // there is room
  const typing = matchMedia("(pointer: fine)").matches; // a finger wants no keyboard yet
  if (!state.sentence && !state.like && typing) byId("sentence").focus();
  await show();
}

start();
