// Tasks down, hosts across, one cell a result. Only the cells in the window are drawn, on a canvas
// that stays there while an empty box of the whole size scrolls beneath it.

import { resultsOf, STATES } from "./results.js";

const HIGH = 20; // pixels of a row
const NAMES = 260; // pixels for the tasks' names
const HEAD = 96; // for the hosts' names
const MOST_ROWS = 1000; // of the table

const by = (id) => document.getElementById(id);

class Matrix {
  constructor({ root, show }) {
    this.results = resultsOf(root.dataset.results);
    this.show = show;
    this.scroll = by("matrix-scroll");
    this.size = by("matrix-size");
    this.canvas = by("matrix-canvas");
    this.at = [0, 0]; // the row and the column under the cursor
    this.rows = [];
    this.columns = [];
    this.results.addEventListener("read", () => this.arrange());
    this.scroll.addEventListener("scroll", () => this.draw(), { passive: true });
    this.scroll.addEventListener("mousemove", (event) => this.point(event));
    this.scroll.addEventListener("click", (event) => { if (this.point(event)) this.go(); });
    this.scroll.addEventListener("keydown", (event) => this.key(event));
    for (const id of ["matrix-bad", "matrix-changed", "matrix-host"]) by(id).addEventListener("input", () => this.arrange());
    by("matrix-table").addEventListener("toggle", () => this.table());
    new ResizeObserver(() => this.arrange()).observe(this.scroll);
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  look() { this.results.read(); this.arrange(); }
  grown() { if (this.scroll.offsetParent) this.results.grown(); }

  // Which rows and columns there are, and how large.
  arrange() {
    const { tasks, hosts, part } = this.results;
    const bad = by("matrix-bad").checked;
    const changed = by("matrix-changed").checked;
    const words = by("matrix-host").value.trim().toLowerCase();
    this.rows = [...tasks.keys()].filter((n) => {
      const { counts } = tasks[n];
      return (!bad || counts[5] + counts[6]) && (!changed || counts[2]);
    });
    this.columns = [...hosts.keys()].filter((n) => hosts[n].name.toLowerCase().includes(words));
    // Hosts with trouble first; the others as they came.
    this.columns.sort((a, b) => hosts[b].worst - hosts[a].worst || a - b);
    this.names = Math.min(NAMES, Math.floor(this.scroll.clientWidth * 0.42));
    const room = this.scroll.clientWidth - this.names - 12;
    this.wide = Math.max(5, Math.min(26, Math.floor(room / Math.max(this.columns.length, 1))));
    this.head = this.wide >= 14 ? HEAD : 14;
    this.size.style.width = `${this.names + this.columns.length * this.wide + 12}px`;
    this.size.style.height = `${this.head + this.rows.length * HIGH + 12}px`;
    by("matrix-count").textContent = `${this.rows.length.toLocaleString("en")} task${this.rows.length === 1 ? "" : "s"} × ${this.columns.length.toLocaleString("en")} host${this.columns.length === 1 ? "" : "s"}${part < 1 ? ` · ${Math.floor(part * 100)} %` : ""}`;
    this.draw();
    if (by("matrix-table").open) this.table();
  }

  draw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.paint();
    });
  }

  paint() {
    const { clientWidth, clientHeight, scrollLeft, scrollTop } = this.scroll;
    if (!clientWidth) return;
    const dense = devicePixelRatio || 1;
    const { canvas } = this;
    if (canvas.width !== Math.round(clientWidth * dense) || canvas.height !== Math.round(clientHeight * dense)) {
      canvas.width = Math.round(clientWidth * dense);
      canvas.height = Math.round(clientHeight * dense);
      canvas.style.width = `${clientWidth}px`;
      canvas.style.height = `${clientHeight}px`;
    }
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const fills = STATES.map((state) => colour(`--cell-${state}`));
    const brush = canvas.getContext("2d");
    brush.setTransform(dense, 0, 0, dense, 0, 0);
    brush.clearRect(0, 0, clientWidth, clientHeight);
    const font = style.getPropertyValue("--font");
    brush.textBaseline = "middle";
    const rows = [Math.floor(scrollTop / HIGH), Math.ceil((scrollTop + clientHeight) / HIGH)];
    const columns = [Math.floor(scrollLeft / this.wide), Math.ceil((scrollLeft + clientWidth) / this.wide)];
    const gap = this.wide > 8 ? 2 : 1;
    const { tasks, hosts } = this.results;
    for (let r = Math.max(rows[0], 0); r < Math.min(rows[1], this.rows.length); r += 1) {
      const y = this.head + r * HIGH - scrollTop;
      for (let c = Math.max(columns[0], 0); c < Math.min(columns[1], this.columns.length); c += 1) {
        const cell = this.results.cell(this.rows[r], this.columns[c]);
        if (!cell) continue;
        brush.fillStyle = fills[cell[0]];
        brush.fillRect(this.names + c * this.wide - scrollLeft, y + 2, this.wide - gap, HIGH - 4);
      }
    }
    // Names over what scrolled beneath them.
    brush.fillStyle = colour("--surface");
    brush.fillRect(0, 0, this.names - 2, clientHeight);
    brush.font = `13px ${font}`;
    for (let r = Math.max(rows[0], 0); r < Math.min(rows[1], this.rows.length); r += 1) {
      const y = this.head + r * HIGH - scrollTop;
      const { name, counts } = tasks[this.rows[r]];
      brush.fillStyle = counts[5] + counts[6] ? colour("--danger") : r === this.at[0] ? colour("--text") : colour("--muted");
      brush.fillText(fit(brush, name, this.names - 40), 24, y + HIGH / 2);
    }
    brush.fillStyle = colour("--surface");
    brush.fillRect(0, 0, clientWidth, this.head - 2);
    if (this.head === HEAD) {
      brush.font = `12px ${font}`;
      for (let c = Math.max(columns[0], 0); c < Math.min(columns[1], this.columns.length); c += 1) {
        const host = hosts[this.columns[c]];
        const x = this.names + (c + 0.5) * this.wide - scrollLeft;
        if (x < this.names) continue;
        brush.save();
        brush.translate(x, this.head - 8);
        brush.rotate(-Math.PI / 3);
        brush.fillStyle = host.worst > 4 ? colour("--danger") : colour("--muted");
        brush.fillText(fit(brush, host.name, HEAD - 4), 0, 0);
        brush.restore();
      }
    }
    const [r, c] = this.at;
    brush.strokeStyle = colour("--text");
    brush.lineWidth = 2;
    const y = this.head + r * HIGH - scrollTop;
    const x = this.names + c * this.wide - scrollLeft;
    if (this.rows.length && this.columns.length && y >= this.head && x >= this.names) brush.strokeRect(x - 1, y + 1, this.wide - gap + 2, HIGH - 2);
  }

  point(event) {
    const box = this.scroll.getBoundingClientRect();
    const x = event.clientX - box.left - this.names + this.scroll.scrollLeft;
    const y = event.clientY - box.top - this.head + this.scroll.scrollTop;
    const inside = event.clientX - box.left > 0 && event.clientY - box.top > this.head && y >= 0;
    const [r, c] = [Math.floor(y / HIGH), Math.max(Math.floor(x / this.wide), 0)];
    if (!inside || r >= this.rows.length || c >= this.columns.length) return false;
    if (r !== this.at[0] || c !== this.at[1]) this.select(r, c);
    return true;
  }

  select(r, c) {
    this.at = [Math.max(Math.min(r, this.rows.length - 1), 0), Math.max(Math.min(c, this.columns.length - 1), 0)];
    const task = this.results.tasks[this.rows[this.at[0]]];
    const host = this.results.hosts[this.columns[this.at[1]]];
    const cell = task && host && this.results.cell(this.rows[this.at[0]], this.columns[this.at[1]]);
    const said = by("matrix-cell");
    said.replaceChildren();
    if (task && host) {
      const name = document.createElement("b");
      name.textContent = task.name;
      const state = !cell ? "did not run" : cell[0] ? STATES[cell[0]] : "at work";
      const took = cell && cell[0] && cell[3] > cell[2] ? `, ${seconds(cell[3] - cell[2])}` : "";
      said.append(name, ` on ${host.name}: ${state}${took}${cell ? `, line ${cell[1] + 1}` : ""}`);
    }
    this.draw();
  }

  go() {
    const cell = this.results.cell(this.rows[this.at[0]], this.columns[this.at[1]]);
    if (cell) this.show(cell[1] + 1);
  }

  key(event) {
    const page = Math.max(Math.floor((this.scroll.clientHeight - this.head) / HIGH) - 1, 1);
    const moves = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
      PageUp: [-page, 0], PageDown: [page, 0], Home: [0, -1e9], End: [0, 1e9],
    };
    if (event.key === "Enter") this.go();
    else if (moves[event.key]) {
      this.select(this.at[0] + moves[event.key][0], this.at[1] + moves[event.key][1]);
      this.uncover();
    } else return;
    event.preventDefault();
  }

  uncover() {
    const [top, left] = [this.at[0] * HIGH, this.at[1] * this.wide];
    const { clientWidth, clientHeight } = this.scroll;
    this.scroll.scrollTop = Math.max(Math.min(this.scroll.scrollTop, top), top + this.head + HIGH - clientHeight + 12);
    this.scroll.scrollLeft = Math.max(Math.min(this.scroll.scrollLeft, left), left + this.names + this.wide - clientWidth + 12);
  }

  // The same in numbers, for those who see no picture.
  table() {
    const details = by("matrix-table");
    if (!details.open) return;
    const { tasks, hosts } = this.results;
    details.querySelector("tbody").replaceChildren(...this.rows.slice(0, MOST_ROWS).map((n) => {
      const task = tasks[n];
      const row = document.createElement("tr");
      const name = document.createElement("td");
      const link = document.createElement("a");
      link.href = `#line-${task.line + 1}`;
      link.textContent = task.name;
      link.addEventListener("click", (event) => { event.preventDefault(); this.show(task.line + 1); });
      name.append(link);
      row.append(name);
      for (const count of task.counts.slice(1)) {
        const cell = document.createElement("td");
        cell.className = count ? "end num" : "end num faint";
        cell.textContent = String(count);
        row.append(cell);
      }
      const where = document.createElement("td");
      const bad = this.columns.filter((c) => (this.results.cell(n, c)?.[0] ?? 0) > 3).map((c) => hosts[c].name);
      where.textContent = bad.slice(0, 8).join(", ") + (bad.length > 8 ? ` and ${bad.length - 8} more` : "");
      row.append(where);
      return row;
    }));
  }
}

function seconds(milliseconds) {
  return milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(2)} s` : `${Math.round(milliseconds / 1000)} s`;
}

const fits = new Map();
function fit(brush, text, most) {
  const key = `${most} ${text}`;
  if (fits.has(key)) return fits.get(key);
  let short = text;
  if (brush.measureText(text).width > most) {
    let [low, high] = [0, text.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (brush.measureText(`${text.slice(0, middle)}…`).width <= most) low = middle;
      else high = middle - 1;
    }
    short = `${text.slice(0, low)}…`;
  }
  if (fits.size > 5000) fits.clear();
  fits.set(key, short);
  return short;
}

export function open(about) { return new Matrix(about); }
