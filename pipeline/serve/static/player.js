/* A clip that plays within its window. One plays at a time. */
import { reason } from "./api.js";
import { calm, make } from "./dom.js";
import { flipbook } from "./flipbook.js";
import { clock } from "./words.js";

let silent = true; // a page that sounds by itself startles; who turns the sound on has it in the next clip too
const LATE = 0.04; // seconds that a frame may be late, so that a seek to a window's start counts as within it

/** The element that plays a hit, with a label for those who do not see it; it begins by itself. */
export function player(hit) {
  return hit.play === "stills" ? flipbook(hit) : clip(hit);
}

function clip(hit) {
  const part = hit.play === "file" && hit.start !== null && hit.end !== null; // else the clip is the window itself
  const video = make("video", {
    src: part ? `${hit.clip}#t=${hit.start}` : hit.clip,
    poster: hit.thumbnail,
    "aria-label": `Video ${hit.name}`,
    controls: true,
    autoplay: true,
    playsinline: true,
    loop: !part && !calm(),
  });
  video.muted = silent;
  video.addEventListener("volumechange", () => (silent = video.muted));
  const place = make("div", { class: "player" }, video);
  if (part) keepWithin(video, hit.start, hit.end);
  if (hit.play === "transcoded") wait(place, video, hit);
  video.addEventListener("error", () => otherwise(place, hit), { once: true });
  return place;
}

/** Let a video run from start to end and begin again; one that its reader moved out of the window runs on. */
function keepWithin(video, start, end) {
  let within = true;
  const look = () => {
    if (!video.isConnected) return;
    const now = video.currentTime;
    if (within && now >= end) {
      video.currentTime = start;
      if (calm()) video.pause();
    }
    if (!video.paused) requestAnimationFrame(look);
  };
  video.addEventListener("seeked", () => {
    within = video.currentTime >= start - LATE && video.currentTime < end;
  });
  video.addEventListener("play", () => requestAnimationFrame(look));
  video.addEventListener("ended", () => {
    if (calm()) return;
    video.currentTime = start;
    video.play().catch(() => {}); // the reader left
  });
}

/** Say that a clip is being made, and then if it is cut, for the server makes clips of a minute at most. */
function wait(place, video, hit) {
  const note = make("p", { class: "waiting", role: "status" }, "Preparing the clip…");
  place.append(note);
  video.addEventListener(
    "loadeddata",
    () => {
      const whole = hit.end === null ? hit.seconds : hit.end - hit.start;
      if (!whole || video.duration > whole - 1) note.remove();
      else {
        note.className = "chip cut";
        note.textContent = `the first ${clock(video.duration)} of ${clock(whole)}`;
      }
    },
    { once: true },
  );
}

/** What is shown of a clip that does not play: the server's reason; of a file a clip made of it, of that its stills. */
async function otherwise(place, hit) {
  let words = "This browser cannot play the clip.";
  try {
    const response = await fetch(hit.clip, { headers: { range: "bytes=0-0" } });
    if (!response.ok) words = await reason(response);
    else if (hit.play === "file")
      return place.replaceWith(player({ ...hit, play: "transcoded", clip: made(hit.clip) }));
    else if (hit.stills) return place.replaceWith(player({ ...hit, play: "stills" }));
  } catch {
    words = "The server does not answer. Is laff serve still running?";
  }
  place.replaceChildren(make("p", { class: "waiting", role: "alert" }, words));
}

/** The address of a clip that the server makes, in place of the file itself. */
function made(clip) {
  return `${clip}${clip.includes("?") ? "&" : "?"}made=1`;
}

/** End what plays in an element that is about to go, so that nothing more of it is loaded or made. */
export function end(place) {
  for (const video of place.querySelectorAll("video")) {
    video.removeAttribute("src");
    video.load();
  }
}

/** Pause what plays when something else begins. */
export function oneAtATime() {
  const pause = ({ target }) => {
    for (const video of document.querySelectorAll("video")) if (video !== target) video.pause();
  };
  document.addEventListener("play", pause, true);
}
