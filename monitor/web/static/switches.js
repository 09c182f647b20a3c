// Switches that run, what waits for a person, and what was.

import { h } from "./dom.js";
import { state, tag } from "./parts.js";
import { span, when } from "./time.js";

const SIGNS = { done: "✓", current: "↻", "to do": "·", "left out": "–" };

/** Every running switch, step by step. */
export function running(status) {
  return status.running.map((item) => h("section", { class: "running", "data-key": `run:${item.id}`, "aria-label": `Running ${item.kind}` },
    h("header", {}, h("h2", {}, state(`${item.kind} of ${item.pools.join(", ")}`, "busy")), h("span", { class: "move" }, move(item)), tag(item.order), tag(item.phase)),
    h("p", {}, item.reason, " ", h("span", { class: "quiet" }, "Begun ", when(item.created_at), ` by ${item.by}${item.automatic ? " (automatic)" : ""}, ${item.id}`)),
    steps(item)));
}

/** Pauses that hold and proposals that are open. */
export function waiting(status) {
  const pauses = status.pauses.filter((item) => item.active).map((item) => h("p", { class: "notice", "data-key": `pause:${item.pool}` },
    state("paused", "warn"), h("strong", {}, item.pool || "every pool"), ` by ${item.owner}: ${item.reason}. Ends `, when(item.until), "."));
  const proposals = status.proposals.filter((item) => item.open).map((item) => h("p", { class: "notice", "data-key": `proposal:${item.id}` },
    state("proposal", "busy"), h("strong", {}, item.pool), ` ${item.sentence} `, h("code", {}, `arc-monitor approve ${item.id}`), " or ", h("code", {}, `deny ${item.id}`), ", expires ", when(item.expires_at), "."));
  return [...pauses, ...proposals];
}

/** Ended switches, then the other lines of history, newest first. */
export function history(status) {
  if (!status.history.length && !status.switches.length) return h("p", { class: "quiet empty" }, "Nothing has happened yet.");
  return h("div", { class: "two" },
    h("div", {}, status.switches.map(ended)),
    h("ol", { class: "lines", "aria-label": "History" }, status.history.slice(0, 30).map((item) =>
      h("li", { "data-key": `h:${item.at}:${item.pool}:${item.what}` }, when(item.at), h("strong", {}, item.pool || "fleet"), tag(item.what), h("span", {}, item.sentence), item.by ? h("span", { class: "quiet" }, `by ${item.by}`) : null))));
}

function ended(item) {
  const tones = { done: "ok", incomplete: "warn", "rolled-back": "warn", abandoned: "bad" };
  const took = item.finished_at === null ? "" : `in ${span(item.finished_at - item.created_at)}`;
  return h("details", { class: "ended", "data-key": `ended:${item.id}` },
    h("summary", {}, state(item.outcome ?? "running", tones[item.outcome] ?? "busy"), h("strong", {}, `${item.kind} of ${item.pools.join(", ")}`), ` ${move(item)} ${took}, `, when(item.created_at)),
    h("div", { class: "inside" }, h("p", {}, `${item.reason} (by ${item.by}, ${item.id})`), item.note ? h("p", {}, item.note) : null, steps(item)));
}

function move(item) {
  if (!item.target.length) return `shuts ${item.source.join(", ")}`;
  return `${item.source.join(", ") || "nowhere"} → ${item.target.join(", ")}`;
}

function steps(item) {
  return h("ol", { class: "steps" }, item.steps.map((step) =>
    h("li", { class: `step step-${step.state.replace(" ", "-")}`, "aria-current": step.state === "current" ? "step" : null },
      h("span", { class: "step-sign", "aria-hidden": "true" }, SIGNS[step.state]),
      h("span", { class: "step-name" }, step.name, h("span", { class: "hidden" }, `, ${step.state}`)),
      h("span", { class: "quiet" }, step.text || (step.state === "current" ? "under way" : "")),
      step.at === null ? null : when(step.at),
      step.calls.length ? h("ul", { class: "calls" }, step.calls.map((call) => h("li", {}, h("code", {}, call)))) : null)));
}
