/* Stills of a clip that no browser plays and that could not be transcoded, turned like the pages of a flip-book. */
import { calm, make } from "./dom.js";

const PAUSE = 500; // milliseconds that a still stays

/** The address of a still of a hit; its clip lies beside them. */
function still(hit, number) {
  const [path, version] = hit.clip.split("?");
  return `${path.replace("/clip/", "/stills/")}/${number}${version ? `?${version}` : ""}`;
}

/** The stills of a hit, hit.stills many, with a button that turns them and a slider to turn by hand. */
export function flipbook(hit) {
  const last = hit.stills - 1;
  const picture = make("img", { alt: "" });
  const slider = make("input", { type: "range", min: 0, max: last, value: 0, "aria-label": "Still" });
  const button = make("button", { type: "button" });
  const controls = make("div", { class: "turning" }, button, slider);
  const place = make(
    "div",
    { class: "player stills", role: "group", "aria-label": `Stills of ${hit.name}` },
    picture,
    controls,
  );
  let timer = 0;

  const show = (number) => {
    slider.value = String(number);
    slider.setAttribute("aria-valuetext", `${number + 1} of ${last + 1}`);
    picture.src = still(hit, number);
    picture.alt = `Still ${number + 1} of ${last + 1} of ${hit.name}`;
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  };
  const turn = () => {
    if (place.isConnected) show((Number(slider.value) + 1) % (last + 1));
    else stop();
  };
  const begin = () => {
    timer = setInterval(turn, PAUSE);
    button.textContent = "Pause";
  };
  button.addEventListener("click", () => (timer ? stop() : begin()));
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  show(0);
  if (calm() || !last) stop();
  else setTimeout(() => place.isConnected && begin());
  controls.hidden = !last;
  return place;
}
