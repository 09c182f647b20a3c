// The first glance: is it us, is it GitHub, is it this daemon; then the one sentence that matters most.

import { h } from "./dom.js";
import { count, state } from "./parts.js";

const ORDER = ["healthy", "degraded", "blind", "failed"];

/** The banner and the three tiles below it. */
export function headline(status) {
  const { level, title, sentence } = status.headline;
  return h("section", { class: `banner level-${level}`, "aria-label": "Overall" },
    h("div", { class: "banner-words" }, h("h1", {}, state(title, level)), h("p", {}, sentence)),
    h("dl", { class: "whose" }, tile("Our clusters", ...ours(status)), tile("GitHub", ...github(status)), tile("arc-monitor", ...self(status))));
}

function tile(name, health, detail) {
  return h("div", { class: `whose-tile edge-${health}` }, h("dt", {}, name), h("dd", {}, state(health), h("span", { class: "quiet" }, detail)));
}

function ours(status) {
  const clusters = status.regions.flatMap((region) => region.clusters);
  const members = status.pools.flatMap((pool) => pool.members);
  const worst = worse([...clusters, ...members].map((item) => item.verdict.health));
  const sick = clusters.filter((item) => item.verdict.health !== "healthy").length;
  const hurt = members.filter((item) => item.verdict.health !== "healthy").length;
  if (sick) return [worst, `${sick} of ${count(clusters.length, "cluster")} not healthy`];
  return [worst, hurt ? `${hurt} of ${count(members.length, "member")} not healthy` : `${count(clusters.length, "cluster")} in ${count(status.regions.length, "region")}`];
}

function github(status) {
  const page = status.status_page;
  const troubled = page ? page.components.filter((item) => item.state !== "operational") : [];
  const told = troubled.length ? `status page: ${troubled.map((item) => `${item.name} ${item.state.replaceAll("_", " ")}`).join(", ")}`
    : page && page.answer === "ok" ? "status page: operational" : "status page: not known";
  return [worse(status.github.map((item) => item.verdict.health)), told];
}

function self(status) {
  const observer = status.observer;
  if (!observer.store_writable) return ["degraded", "its store takes no writes"];
  if (observer.quiet_until) return [observer.verdict.health, "quiet: switches nothing yet"];
  return [observer.verdict.health, status.leader ? "leads, sees well enough to act" : "follows another replica"];
}

function worse(healths) {
  return healths.reduce((worst, item) => (ORDER.indexOf(item) > ORDER.indexOf(worst) ? item : worst), "healthy");
}
