// One event in a dialog: who and when, what it changed in files, and its data as JSON.

import { duration } from "./page.js";

const dialog = document.getElementById("event-dialog");

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function facts(told) {
  const list = make("dl", "facts");
  const took = told.duration == null ? "" : told.duration < 1 ? `${Math.round(told.duration * 1000)} ms` : duration(told.duration);
  const lines = told.end > told.line + 1 ? `${told.line + 1} to ${told.end}` : String(told.line + 1);
  for (const [name, value] of [
    ["Host", told.host], ["Play", told.play], ["Task", told.role ? `${told.role} : ${told.task}` : told.task],
    ["At", new Date(told.created).toLocaleString()], ["Took", took], ["Lines", lines],
  ]) if (value) list.append(make("dt", "", name), make("dd", "", value));
  return list;
}

function difference(diff) {
  const figure = make("figure", "file-diff");
  const same = diff.before === diff.after;
  figure.append(make("figcaption", "", same ? diff.after : `${diff.before} → ${diff.after}`));
  const text = make("div", "lines");
  text.tabIndex = 0;
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", `Difference of ${diff.after}`);
  for (const [mark, line] of diff.lines) {
    const kind = { "+": "ins", "-": "del" }[mark];
    const row = make(kind ?? "div", mark === "@" ? "at" : "");
    row.append(make("span", "mark", mark === "@" ? "" : mark), make("span", "words", line));
    text.append(row);
  }
  if (!diff.lines.length) text.append(make("div", "at", "No line differs."));
  figure.append(text);
  return figure;
}

export async function openEvent(address, line) {
  const answer = await fetch(`${address}?line=${line - 1}`).catch(() => null);
  const body = dialog.querySelector(".body");
  body.replaceChildren();
  if (!answer?.ok) {
    dialog.querySelector("h2").textContent = `Line ${line}`;
    body.append(make("p", "", answer?.status === 404 ? "No event wrote this line." : "The server could not be reached."));
    dialog.showModal();
    return;
  }
  const told = await answer.json();
  dialog.querySelector("h2").textContent = told.event;
  body.append(facts(told));
  for (const diff of told.diffs) body.append(difference(diff));
  const text = make("pre", "text json", told.data);
  text.tabIndex = 0;
  text.setAttribute("aria-label", "Event data");
  const head = make("h3", "", "Event data");
  body.append(head, text);
  if (told.cut) body.append(make("p", "", `${told.cut.toLocaleString("en")} more characters: the API has all of it at /api/v2/job_events/${told.id}/.`));
  const copy = dialog.querySelector("[data-copy]");
  copy.dataset.copy = told.data;
  dialog.showModal();
}
