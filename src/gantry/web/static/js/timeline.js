// Where the time went: forks in use, plays and tasks one after the other, the slowest hosts.

import { duration } from "./page.js";
import { resultsOf } from "./results.js";

const MOST_TASKS = 400;
const MOST_HOSTS = 20;
const SVG = "http://www.w3.org/2000/svg";
const by = (id) => document.getElementById(id);

function seconds(milliseconds) {
  const value = milliseconds / 1000;
  if (value < 1) return `${Math.round(milliseconds)} ms`;
  return value < 10 ? `${value.toFixed(1)} s` : duration(value);
}

// A name, a bar from `left` to `left + width` per cent, and what it says at its end.
function bar(kind, name, left, width, words, go) {
  const item = document.createElement("li");
  item.className = kind;
  const label = document.createElement(go ? "button" : "span");
  label.textContent = name;
  label.title = name;
  if (go) {
    label.type = "button";
    label.addEventListener("click", go);
  }
  const picture = document.createElementNS(SVG, "svg");
  for (const [key, value] of [["viewBox", "0 0 100 10"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) picture.setAttribute(key, value);
  const rect = document.createElementNS(SVG, "rect");
  for (const [key, value] of [["x", left], ["width", Math.max(width, 0.3)], ["height", 10]]) rect.setAttribute(key, String(value));
  picture.append(rect);
  const end = document.createElement("span");
  end.textContent = words;
  item.append(label, picture, end);
  return item;
}

class Timeline {
  constructor({ root, show }) {
    this.results = resultsOf(root.dataset.results);
    this.limit = Number(root.dataset.forks) || 0;
    this.show = show;
    this.results.addEventListener("read", () => this.draw());
    by("tasks-slowest").addEventListener("input", () => this.draw());
  }

  look() { this.results.read(); this.draw(); }
  grown() { if (by("timeline").offsetParent) this.results.grown(); }

  draw() {
    const { tasks } = this.results;
    if (!by("timeline").offsetParent || !tasks.length) return;
    this.from = tasks.reduce((least, t) => Math.min(least, t.from), Infinity);
    this.to = tasks.reduce((most, t) => Math.max(most, t.to), 0);
    this.span = Math.max(this.to - this.from, 1);
    this.bars();
    this.hosts();
    this.forks();
  }

  bars() {
    const { tasks } = this.results;
    const slowest = by("tasks-slowest").checked || tasks.length > MOST_TASKS;
    const took = (t) => t.to - t.from;
    let shown = [...tasks];
    if (slowest) shown.sort((a, b) => took(b) - took(a));
    shown = shown.slice(0, MOST_TASKS);
    const items = [];
    let play = null;
    for (const task of shown) {
      if (!slowest && task.play !== play) {
        play = task.play;
        const own = tasks.filter((t) => t.play === play);
        const [from, to] = [Math.min(...own.map((t) => t.from)), Math.max(...own.map((t) => t.to))];
        items.push(bar("play", play || "(play)", 100 * (from - this.from) / this.span, 100 * (to - from) / this.span, seconds(to - from)));
      }
      const kind = task.counts[5] + task.counts[6] ? "task bad" : "task";
      items.push(bar(kind, task.name, 100 * (task.from - this.from) / this.span, 100 * took(task) / this.span,
        seconds(took(task)), () => this.show(task.line + 1)));
    }
    by("task-bars").replaceChildren(...items);
    by("tasks-words").textContent = tasks.length > shown.length
      ? `the ${shown.length} slowest of ${tasks.length.toLocaleString("en")}` : `${tasks.length}`;
  }

  hosts() {
    const hosts = [...this.results.hosts].sort((a, b) => b.busy - a.busy).slice(0, MOST_HOSTS);
    const most = Math.max(hosts[0]?.busy ?? 1, 1);
    by("host-bars").replaceChildren(...hosts.map((h) => bar("host", h.name, 0, 100 * h.busy / most, seconds(h.busy))));
  }

  // How many hosts were at work: at most `STEPS` values over the run, each the most at a time.
  forks() {
    const steps = 500;
    const edges = [];
    const { works } = this.results;
    for (let n = 0; n < works.length; n += 2) edges.push([works[n], 1], [works[n + 1], -1]);
    edges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const most = new Array(steps).fill(0);
    let [now, place, top] = [0, 0, 0];
    for (const [at, by_] of edges) {
      const next = Math.min(Math.floor(((at - this.from) / this.span) * steps), steps - 1);
      for (; place < next; place += 1) most[place + 1] = Math.max(most[place + 1], now);
      now += by_;
      most[place] = Math.max(most[place], now);
      top = Math.max(top, now);
    }
    const high = Math.max(top, this.limit, 1);
    let path = "M0 100";
    most.forEach((value, n) => { path += `L${(n * 1000) / steps} ${100 - (95 * value) / high}H${((n + 1) * 1000) / steps}`; });
    const area = document.createElementNS(SVG, "path");
    area.setAttribute("d", `${path}L1000 100Z`);
    const picture = by("forks");
    picture.replaceChildren(area);
    if (this.limit) {
      const line = document.createElementNS(SVG, "line");
      for (const [key, value] of [["x1", 0], ["x2", 1000], ["y1", 100 - (95 * this.limit) / high], ["y2", 100 - (95 * this.limit) / high]]) line.setAttribute(key, String(value));
      picture.append(line);
    }
    by("forks-words").textContent = !works.length ? "no starts were recorded" : `at most ${top}${this.limit ? ` of ${this.limit}` : ""}`;
    const end = document.createElement("span");
    end.textContent = seconds(this.span);
    const begin = document.createElement("span");
    begin.textContent = "0 s";
    by("forks-axis").replaceChildren(begin, end);
  }
}

export function open(about) { return new Timeline(about); }
