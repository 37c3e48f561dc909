// A job's page: the live stream, and the panels around the output, which stand still without it.

import { ended } from "./ended.js";
import { refreshTimes } from "./page.js";

const root = document.getElementById("job");
const { events, panels } = root.dataset;
const link = document.getElementById("link-state");
const status = document.getElementById("status-words");
// Workflows and approvals have no output of their own.
const output = document.getElementById("log") ? import("./output.js") : null;

let last = Number(root.dataset.after);

async function arrive(message) {
  const fresh = JSON.parse(message.data).events.filter(([counter]) => counter > last);
  if (!fresh.length) return; // told twice after a reconnect
  last = fresh.at(-1)[0];
  (await output)?.arrive(fresh);
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
