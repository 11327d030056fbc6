/* What the page shows before anything is asked: what the collection is, and sentences to begin with. */
import { ask, Problem } from "./api.js";
import { make } from "./dom.js";
import { counted } from "./words.js";

const PICTURES = 3; // of each example

/** The elements of the start. on: called with the sentence of an example; signal: aborted when the page shows another. */
export function start(workspace, on, signal) {
  const lead = make("p", { class: "lead" }, "Find videos by a sentence");
  const about = make(
    "p",
    {},
    `${workspace.name}: ${counted(workspace.videos, "video")}. Say what one shows; the nearest come first.`,
  );
  if (!workspace.examples.length) return [lead, about];
  const examples = workspace.examples.map((text) => example(text, workspace, on, signal));
  return [lead, about, make("h2", {}, "For example"), make("ul", { class: "examples" }, examples)];
}

/** A sentence to press, with the first videos that it finds. */
function example(text, workspace, on, signal) {
  const pictures = make("span", { class: "pictures", "aria-hidden": "true" });
  fill(pictures, text, workspace, signal);
  return make(
    "li",
    {},
    make("button", { type: "button", class: "example", click: () => on(text) }, pictures, make("span", { dir: "auto" }, text)),
  );
}

async function fill(place, text, workspace, signal) {
  try {
    const { hits } = await ask("/api/search", new URLSearchParams({ w: workspace.key, q: text, k: PICTURES }), signal);
    const images = hits.filter((hit) => hit.thumbnail).map((hit) => make("img", { src: hit.thumbnail, alt: "" }));
    if (images.length === PICTURES) place.append(...images);
    else place.remove();
  } catch (error) {
    if (!(error instanceof Problem) && error.name !== "AbortError") throw error;
    place.remove(); // the sentence is an example without pictures too
  }
}
