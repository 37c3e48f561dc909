// The output of a job: its lines, the tools above them, the keys, and the events that arrive.

import { Finder } from "./find.js";
import { Headings } from "./headings.js";
import { Lines } from "./lines.js";
import { Log } from "./log.js";

const root = document.getElementById("job");
const scroller = document.getElementById("log");
const by = (id) => document.getElementById(id);
const failures = JSON.parse(root.dataset.failures);
const lines = new Lines(root.dataset.address, Number(root.dataset.lines));
export const log = new Log(scroller, lines, Date.parse(root.dataset.started) || 0);
export const headings = new Headings(root.dataset.headings);
const search = new Finder(root.dataset.find);
const filter = new Finder(root.dataset.find);
const folded = new Set();
log.folds = (line) => folded.has(line);

// ---- what is shown: all, what matches the filters, or what is not folded ----

async function reshape(line) {
  if (filter.query || folded.size) await headings.load();
  shownNow();
  log.reshape(line);
  show();
}

function shownNow() {
  if (filter.query) lines.show(headings.above(filter.ranges));
  else if (folded.size) lines.show(headings.unfolded(folded, lines.total));
  else lines.show(null);
}

async function toggleFold(line) {
  await headings.load();
  if (!folded.delete(line)) folded.add(line);
  reshape(line + 1);
}

async function foldAll() {
  const here = log.firstShown();
  await headings.load();
  const all = headings.items.filter((h) => h.kind === "task");
  if (folded.size) folded.clear();
  else for (const { line } of all) folded.add(line);
  by("fold").setAttribute("aria-pressed", String(folded.size > 0));
  const place = headings.at(here - 1);
  reshape(folded.size && place >= 0 ? headings.items[place].line + 1 : here);
}

async function foldHere() {
  await headings.load();
  const place = headings.at((log.marked[0] || log.firstShown()) - 1);
  if (place >= 0) toggleFold(headings.items[place].line);
}

// Show a line (from 1), whatever hides it.
export async function reveal(line) {
  if (!lines.isShown(line - 1)) {
    if (filter.query) clearFilters();
    for (const head of [...folded]) {
      const [first, past] = headings.under(head, lines.total) ?? [0, 0];
      if (line - 1 >= first && line - 1 < past) folded.delete(head);
    }
    await reshape(line);
  }
  log.go(line);
  history.replaceState(null, "", `#line-${line}`);
}

// ---- search ----

const box = by("find");
let lastHit = -1;

function searchNow() {
  const words = box.value.trim();
  lastHit = -1;
  search.start(words ? new URLSearchParams([["q", words], ...new URLSearchParams(filter.query)]).toString() : "");
  address();
  light();
}

function step(direction) {
  const here = (log.marked[0] || log.firstShown() - 1) - 1;
  const line = search.next(here, direction);
  if (line < 0) return;
  lastHit = line;
  reveal(line + 1).then(showSearch);
}

function showSearch() {
  const words = by("find-count");
  by("hit-tools").hidden = !search.query;
  if (!search.query) words.textContent = "";
  else {
    const count = search.count.toLocaleString("en");
    const at = lastHit >= 0 ? `${(search.before(lastHit) + 1).toLocaleString("en")} of ` : "";
    words.textContent = search.done ? (search.count ? `${at}${count}` : "none")
      : `${at}${count} … ${Math.floor(search.part * 100)} %`;
  }
}

// The words found, lit up where they are in the page: by ranges, so no row is changed.
let lit = 0;
function light() {
  if (!CSS.highlights || lit) return;
  lit = requestAnimationFrame(() => {
    lit = 0;
    const words = search.query ? box.value.trim().toLowerCase() : "";
    const found = new Highlight();
    if (words) for (const row of scroller.querySelectorAll(".tx")) lightRow(row, words, found);
    CSS.highlights.set("found", found);
  });
}

function lightRow(row, words, found) {
  const text = row.textContent.toLowerCase();
  if (!text.includes(words)) return;
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  const nodes = [];
  for (let at = 0, node = walker.nextNode(); node; node = walker.nextNode()) {
    nodes.push([at, node]);
    at += node.length;
  }
  const place = (offset) => {
    const [at, node] = nodes.findLast(([begin]) => begin <= offset);
    return [node, Math.min(offset - at, node.length)];
  };
  for (let at = text.indexOf(words), n = 0; at >= 0 && n < 200; at = text.indexOf(words, at + words.length), n += 1) {
    const range = new Range();
    range.setStart(...place(at));
    range.setEnd(...place(at + words.length));
    found.add(range);
  }
}

let typing = 0;
box.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(searchNow, 200);
});
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    clearTimeout(typing);
    searchNow();
    if (search.count) step(event.shiftKey ? -1 : 1);
    else wish = event.shiftKey ? -1 : 1;
    event.preventDefault();
  } else if (event.key === "Escape") {
    box.value = "";
    searchNow();
    scroller.focus();
  }
});
let wish = 0; // Enter was pressed before anything was found
search.addEventListener("found", () => {
  if (wish && search.count) {
    step(wish);
    wish = 0;
  }
  showSearch();
  light();
});
log.addEventListener("painted", () => { if (search.query) light(); });

// ---- filters ----

const form = by("filters");
const named = (name) => form.elements[name];

function filterQuery() {
  const query = new URLSearchParams();
  for (const name of ["host", "task"]) if (named(name).value.trim()) query.set(name, named(name).value.trim());
  for (const tick of form.querySelectorAll("[name=status]:checked")) query.append("status", tick.value);
  return query.toString();
}

function filterNow() {
  const query = filterQuery();
  if (query === filter.query) return;
  here = log.marked[0] || log.firstShown();
  if (query) headings.load();
  filter.start(query);
  if (!query) reshape(here);
  searchNow();
  showFilters();
}

let here = 1;
function clearFilters() {
  form.reset();
  filter.start("");
  shownNow();
  address();
  showFilters();
}

let planned = false;
filter.addEventListener("found", () => {
  if (planned || !filter.query) return;
  planned = true;
  setTimeout(async () => {
    planned = false;
    await headings.load();
    if (!filter.query) return;
    const first = !lines.ranges;
    shownNow();
    if (first) log.reshape(here);
    else log.grown(); // later pieces come after all that is shown
    showFilters();
    show();
  }, 60);
});

function showFilters() {
  const count = new URLSearchParams(filter.query).size;
  by("filter-count").textContent = count ? String(count) : "";
  by("filter-words").textContent = !filter.query ? ""
    : `${filter.count.toLocaleString("en")} line${filter.count === 1 ? "" : "s"}${filter.done ? "" : " …"}`;
  by("clear-filters").hidden = !filter.query;
}

form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filterNow, 250);
});
form.addEventListener("submit", (event) => { event.preventDefault(); filterNow(); });
form.addEventListener("reset", () => setTimeout(filterNow));

// Search and filters are in the address, so that it can be sent to somebody.
function address() {
  const url = new URL(location.href);
  for (const name of ["q", "host", "task", "status"]) url.searchParams.delete(name);
  if (box.value.trim()) url.searchParams.set("q", box.value.trim());
  for (const [name, value] of new URLSearchParams(filterQuery())) url.searchParams.append(name, value);
  history.replaceState(null, "", url);
}

function fromAddress() {
  const query = new URLSearchParams(location.search);
  box.value = query.get("q") ?? "";
  for (const name of ["host", "task"]) named(name).value = query.get(name) ?? "";
  for (const tick of form.querySelectorAll("[name=status]")) tick.checked = query.getAll("status").includes(tick.value);
  if (filterQuery()) {
    openFilters(true, false);
    filterNow();
  } else if (box.value) searchNow();
}

function openFilters(on = form.hidden, focus = on) {
  form.hidden = !on;
  by("filter").setAttribute("aria-expanded", String(on));
  if (focus) named("host").focus();
}

// ---- chosen lines ----

const chosen = by("chosen");
function showChosen() {
  const [from, to] = log.marked;
  chosen.hidden = !from;
  if (!from) return;
  by("chosen-words").textContent = from === to ? `Line ${from}` : `Lines ${from} to ${to}`;
}
log.addEventListener("marked", showChosen);

function anchor() {
  const [from, to] = log.marked;
  return from === to ? `#line-${from}` : `#line-${from}-${to}`;
}

function choose(line, more) {
  if (more && log.marked[0]) log.mark(line < log.marked[0] ? log.marked[1] : log.marked[0], line);
  else log.mark(line, line);
  history.replaceState(null, "", anchor());
}

async function said(button, work) {
  await work;
  const words = button.querySelector(".words");
  const before = words.textContent;
  words.textContent = "Copied";
  setTimeout(() => { words.textContent = before; }, 1200);
}

async function copyLines(button) {
  const [from, to] = log.marked;
  const answer = await fetch(`${root.dataset.address}?from=${from - 1}&to=${to}`);
  const { events } = await answer.json();
  const text = events.map((event) => event[2]).join("").replace(/\x1b\[[0-9;:?]*[A-Za-z]/g, "");
  said(button, navigator.clipboard.writeText(text));
}

scroller.addEventListener("click", (event) => {
  const row = event.target.closest(".ln");
  const fold = event.target.closest("[data-fold]");
  if (fold) toggleFold(Number(fold.dataset.fold));
  else if (row && event.target.closest(".no")) {
    event.preventDefault();
    choose(Number(row.id.slice(5)), event.shiftKey);
  } else if (row && getSelection().isCollapsed) choose(Number(row.id.slice(5)), event.shiftKey);
});
scroller.addEventListener("dblclick", (event) => {
  if (event.target.closest(".ln")) ACTIONS.event();
});

// ---- tools ----

export function show() {
  const count = lines.total.toLocaleString("en");
  by("line-count").textContent = `${count} line${lines.total === 1 ? "" : "s"}`;
  by("nothing").hidden = lines.total > 0 || Boolean(filter.query);
  by("no-match").hidden = !filter.query || !filter.done || filter.count > 0;
  by("follow").setAttribute("aria-pressed", String(log.following));
  by("newer").hidden = log.following || log.atEnd || root.dataset.over === "true";
  by("failed-tools").hidden = !failures.length;
  by("failed-count").textContent = String(failures.length);
}

function jump(direction) {
  const at = log.marked[0] || log.firstShown();
  const next = direction > 0 ? failures.find((l) => l > at) ?? failures[0]
    : failures.findLast((l) => l < at) ?? failures.at(-1);
  if (next) reveal(next);
}

async function jumpTask(direction) {
  await headings.load();
  const at = (log.marked[0] || log.firstShown()) - 1;
  const place = headings.at(at);
  const item = direction > 0 ? headings.items[place + 1]
    : headings.items[headings.items[place]?.line === at ? place - 1 : place];
  if (item) reveal(item.line + 1);
}

function toggle(button, name) {
  const here = log.firstShown();
  const on = scroller.classList.toggle(name);
  button.setAttribute("aria-pressed", String(name === "nowrap-lines" ? !on : on));
  log.remeasure(here);
  if (log.following) log.toEnd();
}

export const ACTIONS = {
  follow: () => log.follow(!log.following),
  newest: () => log.follow(true),
  start: () => reveal(1),
  "next-failed": () => jump(1),
  "previous-failed": () => jump(-1),
  "next-task": () => jumpTask(1),
  "previous-task": () => jumpTask(-1),
  "next-hit": () => step(1),
  "previous-hit": () => step(-1),
  find: () => { box.focus(); box.select(); },
  filters: () => openFilters(),
  fold: foldAll,
  "fold-here": foldHere,
  wrap: () => toggle(by("wrap"), "nowrap-lines"),
  times: () => toggle(by("times"), "times"),
  keys: () => by("keys-dialog").showModal(),
  event: async () => {
    const { openEvent } = await import("./event.js");
    openEvent(root.dataset.event, log.marked[0] || log.firstShown());
  },
  copy: () => { if (log.marked[0]) copyLines(by("copy-lines")); },
  link: (button) => said(button, navigator.clipboard.writeText(new URL(anchor(), location.href).href)),
  unmark: () => {
    log.mark(0, 0);
    history.replaceState(null, "", location.pathname + location.search);
  },
};

log.addEventListener("follow", show);
log.addEventListener("moved", show);

// ---- where to begin: the line of the address, else the end of a run, else what failed ----

function fromHash() {
  const found = /^#line-(\d+)(?:-(\d+))?$/.exec(location.hash);
  if (!found) return false;
  const [from, to] = [Number(found[1]), Number(found[2] ?? found[1])];
  reveal(from).then(() => { if (to !== from) choose(to, true); });
  return true;
}
addEventListener("hashchange", fromHash);
fromAddress();
if (!fromHash() && !filter.query) {
  if (root.dataset.over !== "true") log.follow(true);
  else if (failures.length) {
    log.go(failures[0]);
    chosen.hidden = true;
  }
}
show();

// ---- live ----

let queue = [];
let flushing = false;

function flush() {
  flushing = false;
  const batch = queue;
  queue = [];
  const touched = lines.append(batch);
  headings.append(batch);
  if (!filter.query && folded.size && headings.ready) shownNow();
  log.grown(touched);
  search.more();
  filter.more();
  show();
}

export function arrive(events) {
  for (const event of events) {
    if (event[3] === "f" || event[3] === "u") failures.push(event[1] + 1);
    queue.push(event);
  }
  if (flushing || !queue.length) return;
  flushing = true;
  // A hidden tab gets no animation frames, but must not pile up lines.
  if (document.hidden) setTimeout(flush, 100);
  else requestAnimationFrame(flush);
}
