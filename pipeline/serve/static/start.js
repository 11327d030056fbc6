/* What the page shows before anything is asked: what the collection is, and sentences to begin with. */
import { ask, Problem } from "./api.js";
import { make } from "./dom.js";
import { counted } from "./words.js";

const PICTURES = 3; // of each example

/** The elements of the start. on: called with the sentence of an example; signal: aborted when the page shows another. */
export function start(workspace, on, signal) {
  const about = `${workspace.name}: ${counted(workspace.videos, "video")}. Say what one shows; the nearest come first.`;
  const lead = [make("p", { class: "lead" }, "Find videos by a sentence"), make("p", {}, about)];
  if (!workspace.examples.length) return lead;
  const places = workspace.examples.map(() => make("span", { class: "pictures", "aria-hidden": "true" }));
  const examples = workspace.examples.map((text, number) => example(text, places[number], on));
  fill(places, workspace, signal);
  return [...lead, make("h2", {}, "For example"), make("ul", { class: "examples" }, examples)];
}

/** A sentence to press, with a place for pictures. */
function example(text, place, on) {
  const words = make("span", { dir: "auto" }, text);
  return make("li", {}, make("button", { type: "button", class: "example", click: () => on(text) }, place, words));
}

/** Put the first videos that each example finds into its place, one example after the other; without them it stands too. */
async function fill(places, workspace, signal) {
  try {
    for (const [number, text] of workspace.examples.entries()) {
      const asked = new URLSearchParams({ w: workspace.key, q: text, k: PICTURES });
      const { hits } = await ask("/api/search", asked, signal);
      const images = hits.filter((hit) => hit.thumbnail).map((hit) => make("img", { src: hit.thumbnail, alt: "" }));
      if (images.length === PICTURES) places[number].append(...images);
      else places[number].remove();
    }
  } catch (error) {
    if (!(error instanceof Problem) && error.name !== "AbortError") throw error;
    for (const place of places) if (!place.children.length) place.remove();
  }
}
