// A job's page: its views, its keys, the live stream, and the panels around them.

import { ended } from "./ended.js";
import { refreshTimes } from "./page.js";

const root = document.getElementById("job");
const { events, panels } = root.dataset;
const link = document.getElementById("link-state");
const status = document.getElementById("status-words");
const body = document.getElementById("job-body");
// Workflows and approvals have no output of their own.
const output = document.getElementById("log") ? import("./output.js") : null;

// ---- views: the output, and the pictures of the run, drawn when they are first looked at ----

const VIEWS = { output: null, matrix: () => import("./matrix.js"), timeline: () => import("./timeline.js") };
const pictures = {};

async function view(name, remember = true) {
  if (!output || !(name in VIEWS)) return;
  body.dataset.view = name;
  for (const tab of document.querySelectorAll("[data-view-of]")) {
    if (tab.dataset.viewOf === name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  for (const key of Object.keys(VIEWS)) document.getElementById(`view-${key}`).hidden = key !== name;
  if (remember) {
    const url = new URL(location.href);
    if (name === "output") url.searchParams.delete("view");
    else url.searchParams.set("view", name);
    history.pushState(null, "", url);
  }
  if (!VIEWS[name]) return;
  pictures[name] ??= VIEWS[name]().then(({ open }) => open({ root, show: showLine }));
  (await pictures[name]).look();
}

// From a cell or a bar to the line it came from.
async function showLine(line) {
  await view("output");
  (await output).reveal(line);
}

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-view-of]");
  if (!tab || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  view(tab.dataset.viewOf);
});
addEventListener("popstate", () => view(new URLSearchParams(location.search).get("view") ?? "output", false));
const first = new URLSearchParams(location.search).get("view");
if (first) view(first, false);

// ---- tools and keys ----

const ACTIONS = {
  side: () => {
    const alone = body.classList.toggle("alone");
    document.getElementById("side").setAttribute("aria-pressed", String(!alone));
  },
  output: () => view("output"), matrix: () => view("matrix"), timeline: () => view("timeline"),
};
const KEYS = {
  "/": "find", n: "next-failed", p: "previous-failed", j: "next-task", k: "previous-task",
  ".": "next-hit", ",": "previous-hit", f: "follow", g: "start", G: "newest", z: "fold", x: "fold-here",
  i: "filters", w: "wrap", t: "times", e: "event", c: "copy", s: "side", "?": "keys", Escape: "unmark",
  o: "output", m: "matrix", l: "timeline",
};
// These make sense only where the lines are.
const ANYWHERE = new Set(["side", "output", "matrix", "timeline", "keys"]);

async function act(name, button) {
  if (ACTIONS[name]) ACTIONS[name](button);
  else if (output) {
    if (!ANYWHERE.has(name) && body.dataset.view !== "output") await view("output");
    (await output).ACTIONS[name]?.(button);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-log]");
  if (button) act(button.dataset.log, button);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || event.target.closest("a")) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog, [data-own-keys]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
  if (!output && KEYS[event.key] !== "side") return;
  act(KEYS[event.key]);
  if (event.key !== "Escape") event.preventDefault();
});

// ---- live ----

let last = Number(root.dataset.after);

async function arrive(message) {
  const fresh = JSON.parse(message.data).events.filter(([counter]) => counter > last);
  if (!fresh.length) return; // told twice after a reconnect
  last = fresh.at(-1)[0];
  (await output)?.arrive(fresh);
  for (const picture of Object.values(pictures)) picture.then(({ grown }) => grown());
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
  if (ended(answer) || !answer?.ok || asking !== mine) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focus = document.activeElement?.id;
  for (const id of ["job-head", "job-workflow", "job-side"]) {
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
  if (output) document.getElementById("nothing-words").textContent = told.waiting_for || WORDS[told.stage] || "";
  if (told.mark === mark) return;
  mark = told.mark;
  refresh();
}
const WORDS = {
  queued: "Waiting for a controller to take it.", resolving: "Choosing the execution environment.",
  pulling: "Pulling the image.", preparing: "Preparing project, inventory and credentials.",
  starting: "Starting the pod.", running: "The play has begun; its first line is on the way.",
};

async function again() {
  if (!ended(await fetch(panels).catch(() => null))) connect();
}

function connect() {
  const source = new EventSource(`${events}?after=${last}`);
  source.onopen = () => { if (link) link.hidden = true; };
  source.onmessage = arrive;
  source.addEventListener("state", state);
  source.addEventListener("end", (message) => {
    source.close();
    root.dataset.over = "true";
    mark = JSON.parse(message.data).mark;
    refresh();
    output?.then(({ show }) => show());
  });
  source.onerror = () => {
    if (link) link.hidden = false;
    // After an answer that is no stream the browser gives up; we do not.
    if (source.readyState === EventSource.CLOSED) setTimeout(again, 2000);
  };
  addEventListener("pagehide", () => source.close(), { once: true });
}
if (root.dataset.over !== "true") connect();
