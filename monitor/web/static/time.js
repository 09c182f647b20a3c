// All instants are the daemon's. The browser's clock only measures how long ago the document came.

import { h } from "./dom.js";

let documentAt = 0;
let receivedAt = 0;

/** Take the daemon's time from a new document. */
export function setNow(at) {
  documentAt = at;
  receivedAt = performance.now();
}

/** The daemon's present instant, as well as this page knows it. */
export function now() {
  return documentAt + (performance.now() - receivedAt) / 1000;
}

/** A length of time in at most two units. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return two(whole, 60, "min", 1, "s");
  if (whole < 172800) return two(whole, 3600, "h", 60, "min");
  return two(whole, 86400, "d", 3600, "h");
}

function two(whole, unit, name, smaller, smallName) {
  const rest = Math.floor((whole % unit) / smaller);
  return rest ? `${Math.floor(whole / unit)} ${name} ${rest} ${smallName}` : `${Math.floor(whole / unit)} ${name}`;
}

/** An instant as words, before or after now. */
export function words(at) {
  const distance = now() - at;
  if (Math.abs(distance) < 1.5) return "now";
  return distance > 0 ? `${span(distance)} ago` : `in ${span(-distance)}`;
}

/** An instant that keeps itself up to date; the whole date is its tooltip. */
export function when(at, unknown = "not known") {
  if (at === null || at === undefined) return h("span", { class: "unknown" }, unknown);
  const date = new Date(at * 1000);
  return h("time", { datetime: date.toISOString(), title: date.toISOString(), "data-at": at }, words(at));
}

/** Bring every instant on the page up to date. */
export function tick() {
  for (const element of document.querySelectorAll("time[data-at]")) {
    const text = words(Number(element.dataset.at));
    if (element.textContent !== text) element.textContent = text;
  }
}
