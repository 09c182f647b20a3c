// Regions with their clusters, GitHub's connections, and the daemon itself.

import { h } from "./dom.js";
import { count, known, signals, state, tag, verdict } from "./parts.js";
import { when } from "./time.js";

const SHOWN = 60;

/** One tile per region. */
export function regions(status) {
  const tiles = status.regions.slice(0, SHOWN).map((region) => h("article", { class: `tile edge-${region.health}`, "data-key": `region:${region.name}` },
    h("header", {}, h("h3", {}, region.name), state(region.health)),
    h("p", { class: "serves" }, region.serves.length ? ["serves ", h("strong", {}, listed(region.serves))] : h("span", { class: "quiet" }, "serves nothing now")),
    region.clusters.slice(0, SHOWN).map(cluster)));
  if (status.regions.length > SHOWN) tiles.push(h("p", { class: "quiet" }, `and ${status.regions.length - SHOWN} more regions`));
  return tiles;
}

/** One tile per connection, one for the status page. */
export function github(status) {
  const page = status.status_page;
  return [
    status.github.map((item) => h("article", { class: `tile edge-${item.verdict.health}`, "data-key": `connection:${item.name}` },
      h("header", {}, h("h3", {}, item.name), state(item.verdict.health)),
      verdict(item.verdict), budget(item.budget),
      h("p", { class: "quiet" }, item.skew === null ? "clock difference not known" : `clocks differ by ${Math.abs(item.skew).toFixed(1)} s`, item.version ? `, GHES ${item.version}` : null),
      h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Runner group", "Repositories", "Online", "Busy", "Offline"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, item.groups.slice(0, SHOWN).map((group) => h("tr", { "data-key": `group:${group.name}` }, h("th", { scope: "row" }, group.name),
          h("td", {}, group.visibility && group.visibility !== "selected" ? group.visibility : known(group.repositories)),
          ["online", "busy", "offline"].map((name) => h("td", {}, known(group.runners && group.runners[name]))))))),
        item.groups.length > SHOWN ? h("p", { class: "quiet" }, `and ${item.groups.length - SHOWN} more`) : null),
      signals(item.verdict.signals))),
    page ? h("article", { class: "tile", "data-key": "status-page" },
      h("header", {}, h("h3", {}, "Status page"), h("span", { class: "quiet" }, "read ", when(page.at))),
      h("ul", { class: "plain" }, page.components.map((item) => h("li", {}, state(item.name, item.state === "operational" ? "ok" : "warn"), h("span", { class: "quiet" }, item.state.replaceAll("_", " "))))),
      page.incidents.map((name) => h("p", {}, state(name, "warn"))),
      page.answer === "ok" ? null : h("p", { class: "quiet" }, `answer: ${page.answer} ${page.detail}`)) : null,
  ];
}

/** What the daemon holds of itself, and how its polls go. */
export function self(status) {
  const observer = status.observer;
  return h("article", { class: `tile wide edge-${observer.verdict.health}` },
    h("header", {}, state(observer.verdict.health), tag(status.leader ? "leader" : "follower"), tag(`version ${status.version}`)),
    verdict(observer.verdict),
    h("p", { class: "quiet" }, "Started ", when(observer.started_at), ". Newest cycle was ", `${observer.cycle_late.toFixed(3)} s late. `,
      observer.store_writable ? "The store takes writes." : `The store takes no writes: ${observer.store_reason}`,
      observer.quiet_until ? [" Quiet until ", when(observer.quiet_until), ": no switch begins before."] : null),
    observer.gaps.length ? [h("h4", {}, "What could not be read"), h("ul", { class: "plain" }, observer.gaps.slice(0, SHOWN).map((gap) =>
      h("li", {}, h("code", {}, `${gap.source} ${gap.part}`), h("span", {}, gap.reason))))] : null,
    polls(status));
}

function polls(status) {
  const shown = [...status.polls].sort((one, other) => (one.last_success_at ?? 0) - (other.last_success_at ?? 0)).slice(0, SHOWN);
  return h("details", { "data-key": "polls" }, h("summary", {}, `Polls: ${count(status.polls.length, "target")}`),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Target", "Polls", "Failed", "Skipped", "Last success", "Took", "Late"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, shown.map((item) => h("tr", { "data-key": `poll:${item.target}` }, h("th", { scope: "row" }, item.target), h("td", {}, item.polls), h("td", {}, item.failures), h("td", {}, item.skipped),
        h("td", {}, when(item.last_success_at, "never")), h("td", {}, `${item.last_took.toFixed(2)} s`), h("td", {}, `${item.late.toFixed(2)} s`)))))));
}

function cluster(item) {
  const versions = item.controllers === null ? "not known" : item.controllers.map((each) => `${each.version} ${each.ready}/${each.wanted}`).join(", ") || "none found";
  return h("details", { class: "cluster-box", "data-key": `cluster:${item.name}` },
    h("summary", {}, h("span", { class: "cluster" }, item.name), state(item.verdict.health), item.verdict.run ? h("span", { class: "suspect" }, `seen ${item.verdict.seen}`) : null, h("span", { class: "quiet" }, "seen ", when(item.observed_at, "never"))),
    h("div", { class: "inside" }, verdict(item.verdict),
      h("p", { class: "quiet" }, "Healthy or not since ", when(item.verdict.since), `. ARC controller: ${versions}. Listener starts in the window: ${item.listener_starts ?? "not known"}.`),
      item.scale_sets === null ? h("p", { class: "unknown" }, "Scale sets: not known") : h("ul", { class: "plain" }, item.scale_sets.slice(0, SHOWN).map((each) =>
        h("li", {}, h("strong", {}, each.scale_set), h("span", { class: "quiet" }, `id ${each.id ?? "?"}, group ${each.group || "default"}, ${each.phase || "no phase"}, ARC ${each.version || "?"}`)))),
      signals(item.verdict.signals),
      item.gaps.map((gap) => h("p", { class: "unknown" }, `${gap.part}: ${gap.reason}`))));
}

function budget(item) {
  if (!item) return h("p", { class: "unknown" }, "Rate limit: not known");
  return h("p", { class: "budget" }, h("label", {}, "Rate limit ", h("meter", { min: 0, max: item.limit, low: item.limit * 0.2, optimum: item.limit, value: item.remaining })),
    ` ${item.remaining} of ${item.limit} left, full again `, when(item.reset_at));
}

function listed(names) {
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}

