// Fetches the status document, keeps it fresh, and puts it on the page.

import { show } from "./dom.js";
import { github, regions, self } from "./fleet.js";
import { headline } from "./headline.js";
import { poolCount, pools } from "./pools.js";
import { history, running, waiting } from "./switches.js";
import { now, setNow, tick } from "./time.js";

const POLL_MS = 10_000;
const place = (id) => document.getElementById(id);

let status = null;
let tag = "";
let streaming = false;
let fetching = false;
let again = false;
let reachable = true;

async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    do {
      again = false;
      await fetchOnce();
    } while (again);
    reachable = true;
  } catch {
    reachable = false;
  } finally {
    fetching = false;
  }
  live();
}

async function fetchOnce() {
  const answer = await fetch("/api/v1/status", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  tag = answer.headers.get("ETag") ?? "";
  status = await answer.json();
  setNow(status.at + Number(answer.headers.get("Age") ?? 0));
  render();
}

function render() {
  document.title = `${status.headline.level === "ok" ? "✓" : "!"} ${status.headline.title} · arc-monitor`;
  show(place("identity"), `${status.leader ? "leader" : "follower"}, ${status.version}`);
  show(place("headline"), headline(status));
  show(place("switches"), running(status));
  show(place("waiting"), waiting(status));
  show(place("regions"), regions(status));
  show(place("github"), github(status));
  show(place("history"), history(status));
  show(place("self"), self(status));
  renderPools();
}

function renderPools() {
  if (!status) return;
  const words = place("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  show(place("pool-count"), poolCount(status));
  show(place("pool-list"), pools(status, words, place("only").checked));
}

/** Say how fresh the page is. A page that stopped must never look like one where all is well. */
function live() {
  const age = status ? now() - status.at : 0;
  const old = status && age > 4 * status.cycle + 10;
  const state = !reachable || old ? "lost" : streaming ? "live" : "poll";
  const link = place("link");
  const text = { lost: status ? `no news for ${Math.round(age)} s` : "no answer", live: "live", poll: "polling" }[state];
  if (link.textContent !== text) link.textContent = text;
  link.dataset.state = state;
  document.body.classList.toggle("stale", state === "lost");
}

function listen() {
  const source = new EventSource("/events");
  source.addEventListener("status", () => {
    streaming = true;
    refresh();
  });
  source.onerror = () => {
    streaming = false;
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 30_000);
    live();
  };
}

place("filter").addEventListener("input", renderPools);
place("only").addEventListener("change", renderPools);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => {
  tick();
  live();
}, 1000);
setInterval(() => streaming || refresh(), POLL_MS);
refresh();
listen();
