// A job's page: the log, the live stream, and the panels around them.

import { Log } from "./log.js";
import { refreshTimes } from "./page.js";

const root = document.getElementById("job");
const scroller = document.getElementById("log");
const { address, events, panels } = root.dataset;
const failures = JSON.parse(root.dataset.failures);
const log = new Log(scroller, {
  address, lines: Number(root.dataset.lines), start: Date.parse(root.dataset.started) || 0,
});

const followButton = document.getElementById("follow");
const newer = document.getElementById("newer");
const nothing = document.getElementById("nothing");
const link = document.getElementById("link-state");
const status = document.getElementById("status-words");

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
let last = Number(root.dataset.after);

function flush() {
  planned = false;
  const batch = queue;
  queue = [];
  log.append(batch);
}

function arrive(message) {
  for (const event of JSON.parse(message.data).events) {
    if (event[0] <= last) continue; // told twice after a reconnect
    [last] = event;
    if (event[3] === "f" || event[3] === "u") failures.push(event[1] + 1);
    queue.push(event);
  }
  if (planned || !queue.length) return;
  planned = true;
  // A hidden tab gets no animation frames, but must not pile up lines.
  if (document.hidden) setTimeout(flush, 100);
  else requestAnimationFrame(flush);
}

function bytes(count) {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < 3) { value /= 1000; unit += 1; }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

function pulling(pull) {
  const bar = document.getElementById("pull-bar");
  if (!bar || !pull) return;
  if (pull.total) {
    bar.max = pull.total;
    bar.value = pull.current;
  } else bar.removeAttribute("value");
  document.getElementById("pull-words").textContent = pull.total
    ? `${bytes(pull.current)} of ${bytes(pull.total)}` : pull.message || bytes(pull.current);
}

let asking = null;
async function refresh() {
  const mine = {};
  asking = mine;
  const answer = await fetch(panels).catch(() => null);
  if (!answer?.ok || asking !== mine) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focus = document.activeElement?.id;
  for (const id of ["job-head", "job-side"]) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (!old || !now || old.querySelector("dialog[open]")) continue;
    for (const details of old.querySelectorAll("details[id][open]")) {
      now.querySelector(`#${details.id}`)?.setAttribute("open", "");
    }
    const top = old.scrollTop;
    old.replaceWith(document.adoptNode(now));
    document.getElementById(id).scrollTop = top;
  }
  if (focus) document.getElementById(focus)?.focus();
  refreshTimes();
  const words = document.getElementById("job-head").dataset.words;
  document.title = `${words} · ${root.dataset.name}`;
  status.textContent = words;
}

let mark = root.dataset.mark;
function state(message) {
  const told = JSON.parse(message.data);
  pulling(told.pull);
  document.getElementById("nothing-words").textContent = told.waiting_for || WORDS[told.stage] || "";
  if (told.mark === mark) return;
  mark = told.mark;
  refresh();
}
const WORDS = {
  queued: "Waiting for a controller to take it.", resolving: "Choosing the execution environment.",
  pulling: "Pulling the image.", preparing: "Preparing project, inventory and credentials.",
  starting: "Starting the pod.", running: "The play has begun; its first line is on the way.",
};

function connect() {
  const source = new EventSource(`${events}?after=${last}`);
  source.onopen = () => { link.hidden = true; };
  source.onmessage = arrive;
  source.addEventListener("state", state);
  source.addEventListener("end", (message) => {
    source.close();
    root.dataset.over = "true";
    mark = JSON.parse(message.data).mark;
    refresh();
    show();
  });
  source.onerror = () => {
    link.hidden = false;
    // After an answer that is no stream the browser gives up; we do not.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
  addEventListener("pagehide", () => source.close(), { once: true });
}
if (root.dataset.over !== "true") connect();
