/* Elements of the page. Texts become text nodes, never HTML, so that no caption or name can bring an element or a script. */

/** An element. `attributes`: a function becomes a listener, true an empty attribute, and false, null or undefined none. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** The element of the page that has this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Text for those who listen and do not see. */
export function hidden(text) {
  return make("span", { class: "hidden-text" }, text);
}

/** Whether the reader asked the system for less movement: clips then stop at their end, and stills wait. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
