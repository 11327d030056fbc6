/* Questions to the server that made this page. */

/** A mistake or a fault, in words for the reader. */
export class Problem extends Error {}

/** The server's answer, as JSON. Problem where it refuses or is gone; an aborted signal throws as fetch does. */
export async function ask(path, asked = new URLSearchParams(), signal = undefined) {
  let response;
  try {
    response = await fetch(`${path}?${asked}`, { signal, headers: { accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server does not answer. Is laff serve still running?");
  }
  if (!response.ok) throw new Problem(await reason(response));
  return response.json();
}

/** Why the server refused, in its own words where it gave some. */
export async function reason(response) {
  try {
    const { error } = await response.json();
    if (error) return error;
  } catch {
    // no JSON, so no words of its own
  }
  return `The server refused this (${response.status} ${response.statusText}).`;
}
