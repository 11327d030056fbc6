/* Words that are told for some seconds, at the lower end of the page. */
import { byId } from "./dom.js";

const STAYS = 4000; // milliseconds
const message = byId("message");

/** Tell something that passes. */
export function say(words) {
  (document.querySelector("dialog[open]") ?? document.body).append(message); // an open dialog hides what is outside of it
  message.textContent = words;
  setTimeout(() => message.textContent === words && (message.textContent = ""), STAYS);
}

/** Copy the address, which holds all that the page shows. */
export async function copy() {
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is copied.");
  } catch {
    say("Copy the link from the address bar; it holds all of this."); // browsers let pages copy on safe addresses only
  }
}
