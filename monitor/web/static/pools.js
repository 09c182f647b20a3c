// Pools: what is wanted beside what is, what is decided, and what happens next.

import { h } from "./dom.js";
import { count, evidence, hints, known, signals, state, tag, verdict } from "./parts.js";
import { when } from "./time.js";

const SHOWN = 100;
const TONES = { none: "ok", alert: "warn", hold: "warn", propose: "busy", switch: "busy" };

/** The pools that match, those that need a look first. */
export function pools(status, words, only) {
  const wanted = status.pools.filter((pool) => matches(pool, words) && (!only || needsLook(pool)));
  wanted.sort((one, other) => needsLook(other) - needsLook(one));
  const shown = wanted.slice(0, SHOWN).map(pool);
  if (!wanted.length) shown.push(h("p", { class: "quiet empty" }, status.pools.length ? "No pool matches." : "No pools are configured."));
  if (wanted.length > SHOWN) shown.push(h("p", { class: "quiet" }, `and ${wanted.length - SHOWN} more; filter to see them`));
  return shown;
}

/** How many pools there are, and how many need a look. */
export function poolCount(status) {
  const looks = status.pools.filter(needsLook).length;
  return looks ? `${looks} of ${count(status.pools.length, "pool")} ${looks === 1 ? "needs" : "need"} a look` : `${count(status.pools.length, "pool")}, all as wanted`;
}

function matches(pool, words) {
  const text = [pool.name, ...pool.members.flatMap((item) => [item.cluster, item.region, item.group])].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function needsLook(pool) {
  const decided = pool.decision && pool.decision.kind !== "none";
  return Boolean(decided || pool.intent || pool.members.some((item) => item.differs || item.verdict.health !== "healthy" || item.verdict.run));
}

function pool(item) {
  return h("article", { class: "pool", "data-key": `pool:${item.name}`, "aria-label": `Pool ${item.name}` },
    h("header", {}, h("h3", {}, item.name), serving(item), h("span", { class: "tags" },
      tag(item.mode, "What the daemon may do by itself"), tag(item.serve === "all" ? "serves everywhere" : "serves in one place"),
      item.epoch === null ? null : tag(`epoch ${item.epoch}`))),
    decision(item),
    h("div", { class: "members", role: "group", "aria-label": `Members of ${item.name}` },
      h("div", { class: "member-row columns", "aria-hidden": "true" },
        ["Cluster", "Role", "Health", "Gate wanted", "Gate actual", "Ready", "Runners", "Queue", "Last job"].map((name) => h("span", {}, name))),
      item.members.map(member)),
    cooldown(item));
}

function serving(item) {
  const regions = [...new Set(item.members.filter((each) => each.actual === "open").map((each) => each.region))];
  if (regions.length) return h("span", { class: "serving" }, "served by ", h("strong", {}, regions.join(", ")));
  const unknown = item.members.some((each) => each.actual === "unknown");
  return h("span", { class: `serving ${unknown ? "unknown" : "nowhere"}` }, unknown ? "where it is served is not known" : "served nowhere");
}

function decision(item) {
  const decided = item.decision;
  const calm = !decided || decided.kind === "none";
  return h("div", { class: `decision ${calm ? "calm" : `kind-${decided.kind}`}` },
    decided ? h("p", {}, calm ? null : state(decided.kind, TONES[decided.kind]), calm ? null : h("strong", { class: "code" }, decided.code), " ", decided.sentence) : null,
    calm && item.outlook.at === null ? null
      : h("p", { class: "next" }, h("span", { class: "next-word" }, "Next"), item.outlook.sentence, item.outlook.at === null ? null : h("strong", { class: "at" }, when(item.outlook.at))),
    decided && decided.blocks.length ? h("ul", { class: "blocks", "aria-label": "What keeps the switch from beginning" }, decided.blocks.map((block) =>
      h("li", {}, h("code", {}, block.code), h("span", {}, block.sentence), block.clears_at === null ? null : h("span", { class: "quiet" }, "clears ", when(block.clears_at))))) : null,
    decided && decided.scope.length ? h("p", { class: "quiet" }, `Moves too, for they share a gate: ${decided.scope.join(", ")}`) : null,
    decided && decided.kind === "propose" && decided.proposal ? h("p", {}, h("code", {}, `arc-monitor approve ${decided.proposal}`)) : null,
    !calm && decided.evidence.length ? h("details", { class: "why", "data-key": `why:${item.name}` }, h("summary", {}, `Evidence (${decided.evidence.length})`), evidence(decided.evidence), hints(decided.hints)) : null);
}

function member(item) {
  return h("details", { class: "member", "data-key": `member:${item.name}` },
    h("summary", { class: "member-row" },
      cell("Cluster", h("span", { class: "cluster" }, item.cluster, h("span", { class: "quiet region" }, item.region))),
      cell("Role", item.role),
      cell("Health", state(item.verdict.health), item.verdict.run ? h("span", { class: "suspect" }, `seen ${item.verdict.seen}`) : null),
      cell("Gate wanted", known(item.wanted, "not set")),
      cell("Gate actual", gate(item)),
      cell("Ready", ready(item)),
      cell("Runners", runners(item)),
      cell("Queue", queue(item)),
      cell("Last job", when(item.last_job_at, "?"))),
    h("div", { class: "inside" },
      item.verdict.findings.length ? verdict(item.verdict) : [verdict(item.verdict), h("p", { class: "quiet" }, "Nothing speaks against it.")],
      item.fence ? h("p", {}, "Fenced ", when(item.fence.since), ` by ${item.fence.intent}: ${item.fence.reason}`) : null,
      item.checks.length ? [h("h4", {}, "Ready to take over?"), h("ul", { class: "checks" }, item.checks.map((check) =>
        h("li", {}, state(check.name, String(check.passed)), h("span", {}, check.text), check.at === null ? null : when(check.at))))] : null,
      h("h4", {}, "How it is seen"), signals(item.verdict.signals),
      h("p", { class: "quiet" }, `Scale set ${item.scale_set}, gate ${item.gate}`,
        item.listener_starts === null ? null : `, ${count(item.listener_starts, "listener start")} in the window`,
        item.runner_set ? `, ephemeral runners: ${item.runner_set.desired} desired, ${item.runner_set.running} running, ${item.runner_set.pending} pending, ${item.runner_set.failed} failed` : null)));
}

function cell(name, ...children) {
  return h("span", { class: "cell" }, h("span", { class: "label" }, name), h("span", { class: "value" }, children));
}

function gate(item) {
  const shown = state(item.actual, item.actual === "open" ? "open" : item.actual === "shut" ? "shut" : item.actual);
  return item.differs ? [shown, h("strong", { class: "differs", title: "differs from what is wanted" }, "differs")] : shown;
}

function ready(item) {
  if (item.role === "active" && item.ready === null) return h("span", { class: "quiet" }, "serves");
  if (item.ready === null) return h("span", { class: "unknown", title: "not known, which is not ready" }, "?");
  return item.ready ? state("yes", "ok") : state("no", "bad");
}

function runners(item) {
  if (!item.runners) return known(null);
  const dead = item.runners.offline ? `, ${item.runners.offline} offline` : "";
  return h("span", { title: "busy of online, as GitHub counts the whole group" }, `${item.runners.busy} of ${item.runners.online} busy${dead}`);
}

function queue(item) {
  if (!item.queue) return known(null);
  if (!item.queue.count) return "0";
  return h("span", { title: "jobs of the sentinel repositories that wait for this name, and since when the oldest does" }, `${item.queue.count}, `, when(item.queue.oldest_at, "?"));
}

function cooldown(item) {
  const parts = [];
  if (item.cooldown_until) parts.push("Cool-down ends ", when(item.cooldown_until), ". ");
  if (item.switches_today) parts.push(`${item.switches_today} of ${item.switches_allowed} automatic switches used in 24 h. `);
  if (item.reverts) parts.push(`Somebody else undid a fence ${count(item.reverts, "time")}.`);
  return parts.length ? h("p", { class: "quiet pool-foot" }, parts) : null;
}
