/* Numbers and times in words, as `laff search` writes them. */

/** Seconds as a player shows them: m:ss or h:mm:ss, with tenths if they are not whole. */
export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const whole = Math.floor(tenths / 10);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = two(whole % 60) + (tenths % 10 ? `.${tenths % 10}` : "");
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** Where a hit lies in its video, "0:10–0:20"; how long a whole video is, if that is known; else "". */
export function times(hit) {
  if (hit.start !== null && hit.end !== null) return `${clock(hit.start)}–${clock(hit.end)}`;
  return hit.seconds ? clock(hit.seconds) : "";
}

/** A text that turns the direction of writing for itself alone, between U+2068 and U+2069. */
export function apart(text) {
  return `\u2068${text}\u2069`;
}

/** 6005 -> "6,005". */
export function thousands(number) {
  return number.toLocaleString("en-US");
}

/** "1 video", "6,005 videos". */
export function counted(number, noun) {
  return `${thousands(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** 0.256 -> "26 %". */
export function percent(part) {
  return `${Math.round(part * 100)} %`;
}

/** A score with the digits that tell hits apart: five where the best is as small as sums of a fusion are, else three. */
export function figure(score, best) {
  return score.toFixed(Math.abs(best) < 0.1 ? 5 : 3);
}
