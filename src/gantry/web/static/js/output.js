// The output of a job: the log, its tools and keys, and the events that arrive.

import { Log } from "./log.js";

const root = document.getElementById("job");
const scroller = document.getElementById("log");
const { address } = root.dataset;
const failures = JSON.parse(root.dataset.failures);
const log = new Log(scroller, {
  address, lines: Number(root.dataset.lines), start: Date.parse(root.dataset.started) || 0,
});

const followButton = document.getElementById("follow");
const newer = document.getElementById("newer");
const nothing = document.getElementById("nothing");

// ---- tools ----

function show() {
  const lines = log.total.toLocaleString("en");
  document.getElementById("line-count").textContent = `${lines} line${log.total === 1 ? "" : "s"}`;
  nothing.hidden = log.total > 0;
  followButton.setAttribute("aria-pressed", String(log.following));
  newer.hidden = log.following || log.atEnd || root.dataset.over === "true";
  const bad = document.getElementById("failed-tools");
  bad.hidden = !failures.length;
  document.getElementById("failed-count").textContent = String(failures.length);
}

function jump(step) {
  const here = log.target || log.firstShown();
  const next = step > 0 ? failures.find((l) => l > here) ?? failures[0]
    : failures.findLast((l) => l < here) ?? failures.at(-1);
  if (next) {
    log.go(next);
    history.replaceState(null, "", `#line-${next}`);
  }
}

function toggle(button, name) {
  const on = scroller.classList.toggle(name);
  button.setAttribute("aria-pressed", String(name === "nowrap-lines" ? !on : on));
  if (log.following) log.toEnd();
}

const ACTIONS = {
  follow: () => log.follow(!log.following),
  newest: () => log.follow(true),
  "next-failed": () => jump(1),
  "previous-failed": () => jump(-1),
  wrap: (button) => toggle(button, "nowrap-lines"),
  times: (button) => toggle(button, "times"),
  side: (button) => {
    const alone = document.getElementById("job-body").classList.toggle("alone");
    button.setAttribute("aria-pressed", String(!alone));
  },
};
const KEYS = { f: "follow", n: "next-failed", p: "previous-failed", w: "wrap", t: "times", s: "side" };

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-log]");
  if (button) ACTIONS[button.dataset.log](button);
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  const name = KEYS[event.key];
  ACTIONS[name](document.querySelector(`[data-log="${name}"]`));
  event.preventDefault();
});
log.addEventListener("grown", show);
log.addEventListener("follow", show);
scroller.addEventListener("scroll", show, { passive: true });

// ---- where to begin: the line of the address, else the end of a run, else what failed ----

function fromAddress() {
  const found = /^#line-(\d+)$/.exec(location.hash);
  if (found) log.go(Number(found[1]));
  return Boolean(found);
}
addEventListener("hashchange", fromAddress);
if (!fromAddress()) {
  if (root.dataset.over !== "true") log.follow(true);
  else if (failures.length) log.go(failures[0]);
}
show();

// ---- live ----

let queue = [];
let planned = false;

function flush() {
  planned = false;
  const batch = queue;
  queue = [];
  log.append(batch);
}

export function arrive(events) {
  for (const event of events) {
    if (event[3] === "f" || event[3] === "u") failures.push(event[1] + 1);
    queue.push(event);
  }
  if (planned || !queue.length) return;
  planned = true;
  // A hidden tab gets no animation frames, but must not pile up lines.
  if (document.hidden) setTimeout(flush, 100);
  else requestAnimationFrame(flush);
}

export { show };
