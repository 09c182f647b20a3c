// Small pieces that several sections share.

import { h } from "./dom.js";
import { when } from "./time.js";

const MARKS = {
  healthy: "✓", degraded: "!", failed: "✕", blind: "?",
  ok: "✓", warn: "!", bad: "✕", busy: "↻",
  open: "○", shut: "●", partial: "◐", unknown: "?",
  unreachable: "✕", true: "✓", false: "✕", null: "?",
};

/** A word with its mark and colour; the mark says the same as the colour. */
export function state(word, tone = word) {
  return h("span", { class: `state tone-${tone}` }, h("span", { class: "sign", "aria-hidden": "true" }, MARKS[tone] ?? "·"), word);
}

/** A quiet label. */
export function tag(text, title) {
  return h("span", { class: "tag", title }, text);
}

/** How many, with the right noun. */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** A value, or a plain mark that it is not known. */
export function known(value, unknown = "?") {
  return value === null || value === undefined ? h("span", { class: "unknown", title: "not known" }, unknown) : value;
}

/** What supports a finding or a decision. */
export function evidence(items) {
  if (!items.length) return null;
  return h("ul", { class: "evidence" },
    items.map((item) => h("li", {}, h("span", { class: "path" }, item.path), h("span", {}, item.text), when(item.at))));
}

/** Exact commands for people, ready to copy. */
export function hints(items) {
  if (!items.length) return null;
  return [h("h4", {}, "What people can do"), h("ul", { class: "hints" }, items.map((hint) => h("li", {}, h("code", {}, hint))))];
}

/** One finding with all that supports it. */
export function finding(item) {
  return h("article", { class: `finding severity-${item.severity}` },
    h("p", { class: "finding-head" }, h("strong", {}, item.code), tag(item.severity), item.impact ? tag("user impact") : null,
      item.since === null ? null : h("span", { class: "quiet" }, "since ", when(item.since))),
    h("p", {}, item.sentence),
    evidence(item.evidence),
    h("p", { class: "quiet" }, "Would change our mind: ", item.would_change),
    hints(item.hints),
    h("p", { class: "quiet" }, "Runbook: ", h("code", {}, item.runbook)));
}

/** The newest answers, path by path. */
export function signals(items) {
  if (!items.length) return null;
  const tones = { ok: "ok", bad: "bad", unreachable: "unreachable", unknown: "unknown" };
  return h("ul", { class: "signals", "aria-label": "Signals" }, items.map((item) =>
    h("li", {}, h("span", { class: "path" }, item.path), state(item.answer, tones[item.answer]), when(item.at),
      item.detail ? h("span", { class: "quiet" }, item.detail) : null)));
}

/** How far a run of readings is towards turning a verdict. */
export function run(item) {
  if (!item) return null;
  const seen = Math.min(item.readings, item.needed);
  return h("p", { class: "run" }, `Seen as ${item.towards}: ${seen} of ${item.needed} readings; the verdict can turn `, when(item.due_at), ".");
}

/** All findings of a verdict, and what they outrank. */
export function verdict(item) {
  return [
    run(item.run),
    item.findings.map(finding),
    item.outranked.length ? h("p", { class: "quiet" }, `Outranked: ${item.outranked.join(", ")}`) : null,
    item.unknown.length ? h("p", { class: "quiet" }, `Not known: ${item.unknown.join(", ")}`) : null,
  ];
}
