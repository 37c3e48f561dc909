// The view of a job's lines: only those near the window are in the page, in blocks of rows between
// two empty boxes that stand for the rest. Browsers lay nothing out that is much taller than
// TALLEST, so the boxes of a longer output are shrunk: near the window a row is a row high, and
// the scroll bar still leads everywhere.

import { paint } from "./ansi.js";

const BLOCK = 50; // rows
const LINE = 20; // pixels, as in the stylesheet
const MARGIN = 8000; // pixels above and below the window that are in the page
const TALLEST = 8_000_000; // pixels
const HEADS = new Set(["p", "t", "r"]);
const STARS = / \*{3,}$/;
const NONE = { parts: [""], mark: "", when: 0 };

export class Log extends EventTarget {
  constructor(scroller, lines, start) {
    super();
    this.scroller = scroller;
    this.lines = lines;
    this.started = start; // milliseconds; what the times are counted from
    this.blocks = []; // in the page, one after the other
    this.before = 0; // height of the box above them
    this.following = false;
    this.marked = [0, 0]; // lines chosen, from 1, both included
    this.folds = null; // (line) -> is it folded, open, or (undefined) no heading
    this.aim = 0; // the line (from 1) that is kept in view until the person scrolls
    this.top = 0;
    this.height = 0;
    this.filling = false;
    this.above = document.createElement("div");
    this.below = document.createElement("div");
    scroller.append(this.above, this.below);
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    lines.addEventListener("arrived", () => this.fill());
    this.width = scroller.clientWidth;
    new ResizeObserver(() => this.resized()).observe(scroller);
    this.settle();
  }

  get rows() { return this.lines.count; }
  get lastBlock() { return Math.ceil(this.rows / BLOCK) - 1; }
  get scale() { return Math.min(1, TALLEST / (this.rows * LINE)); }
  get bottom() { return this.before + this.blocks.reduce((sum, b) => sum + b.height, 0); }
  sizeOf(index) { return Math.min(BLOCK, this.rows - index * BLOCK); }

  // ---- blocks in the page ----

  make(index) {
    const node = document.createElement("div");
    node.className = "block";
    const block = { index, node, painted: [], height: this.sizeOf(index) * LINE };
    node.style.height = `${block.height}px`;
    return block;
  }

  // Everything anew: the blocks around a row, so that it stands `at` pixels below the window's top.
  place(row, at) {
    for (const block of this.blocks) block.node.remove();
    const pad = Math.ceil(this.scroller.clientHeight / LINE / BLOCK);
    const middle = Math.floor(row / BLOCK);
    const from = Math.max(middle - pad, 0);
    const past = Math.min(middle + pad, this.lastBlock) + 1;
    this.blocks = [];
    for (let index = from; index < past; index += 1) this.blocks.push(this.make(index));
    this.above.after(...this.blocks.map((b) => b.node));
    const offset = (row - from * BLOCK) * LINE - at;
    this.before = from ? Math.max(this.top - offset, LINE) : 0;
    this.boxes();
    this.scrollTo(this.before + offset);
  }

  boxes() {
    this.above.style.height = `${this.before}px`;
    const left = this.blocks.length ? this.rows - (this.blocks.at(-1).index + 1) * BLOCK : 0;
    const full = this.rows * LINE * this.scale;
    const height = left > 0 ? Math.max(full - this.bottom, Math.min(left * LINE, 4000)) : 0;
    this.below.style.height = `${height}px`;
  }

  scrollTo(top) {
    this.scroller.scrollTop = top;
    this.top = this.scroller.scrollTop;
  }

  // What stands above the window became `pixels` higher: the lines in it stay where they are.
  shift(pixels) {
    if (!pixels) return;
    if (this.blocks[0].index && this.before - pixels > LINE) this.before -= pixels;
    else this.scroller.scrollTop += pixels;
    this.boxes();
    this.top = this.scroller.scrollTop;
  }

  // Have the blocks around the window in the page, and no others.
  settle() {
    if (!this.rows) {
      for (const block of this.blocks.splice(0)) block.node.remove();
      this.before = 0;
      this.boxes();
      return;
    }
    const { clientHeight } = this.scroller;
    const top = this.top;
    if (!this.blocks.length || this.bottom <= top || this.before >= top + clientHeight) {
      const room = Math.max(this.scroller.scrollHeight - clientHeight, 1);
      const most = Math.max(this.rows - clientHeight / LINE, 0);
      this.place(Math.floor(Math.min(top / room, 1) * most), 0);
    }
    this.extend();
    this.trim();
    this.rebase();
    this.boxes();
    this.fill();
  }

  extend() {
    while (this.blocks.at(-1).index < this.lastBlock
        && this.bottom < this.top + this.scroller.clientHeight + MARGIN) {
      const block = this.make(this.blocks.at(-1).index + 1);
      this.blocks.at(-1).node.after(block.node);
      this.blocks.push(block);
    }
    while (this.blocks[0].index > 0 && this.before > this.top - MARGIN) {
      const block = this.make(this.blocks[0].index - 1);
      this.above.after(block.node);
      this.blocks.unshift(block);
      this.before -= block.height;
      if (this.before < LINE && block.index) this.lift(block.index * BLOCK * LINE * this.scale);
    }
    if (!this.blocks[0].index && this.before) this.lift(0);
  }

  // Another height for the box above; the window moves along, so nobody sees it.
  lift(height) {
    const by = height - this.before;
    this.before = height;
    this.boxes();
    this.scrollTo(this.top + by);
  }

  trim() {
    const low = this.top - 2 * MARGIN;
    const high = this.top + this.scroller.clientHeight + 2 * MARGIN;
    while (this.blocks.length > 1 && this.before + this.blocks[0].height < low) {
      const block = this.blocks.shift();
      this.before += block.height;
      block.node.remove();
    }
    while (this.blocks.length > 1 && this.bottom - this.blocks.at(-1).height > high) {
      this.blocks.pop().node.remove();
    }
  }

  // Slow scrolling through a shrunk output leads away from where the scroll bar says we are.
  rebase() {
    const first = this.blocks[0].index;
    const ideal = first * BLOCK * LINE * this.scale;
    const most = this.scale < 1 ? TALLEST / 20 : 1_000_000;
    if (first && Math.abs(this.before - ideal) > most) this.lift(ideal);
  }

  // ---- rows ----

  // Paint what is known: what is in the window at once, the rest one block a frame.
  fill() {
    if (!this.blocks.length) return;
    const { clientHeight } = this.scroller;
    const wanted = [];
    let later = false;
    for (const [block, distance] of this.byDistance()) {
      const size = this.sizeOf(block.index);
      if (block.painted.length >= size) continue;
      const from = block.index * BLOCK;
      if (!this.lines.have(from, from + size)) wanted.push([from, from + size]);
      else if (distance > clientHeight && this.painting) later = true;
      else {
        this.paint(block);
        if (distance > clientHeight) this.painting = true;
      }
    }
    this.lines.fetch(wanted);
    this.hold();
    if (!later || this.filling) {
      this.painting &&= this.filling;
      return;
    }
    this.filling = true;
    requestAnimationFrame(() => {
      this.filling = this.painting = false;
      this.fill();
    });
  }

  byDistance() {
    const { clientHeight } = this.scroller;
    let at = this.before;
    const found = this.blocks.map((block) => {
      const distance = Math.max(this.top - (at + block.height), at - (this.top + clientHeight), 0);
      at += block.height;
      return [block, distance];
    });
    return found.sort((a, b) => a[1] - b[1]);
  }

  paint(block) {
    const size = this.sizeOf(block.index);
    const rows = [];
    for (let n = block.painted.length; n < size; n += 1) rows.push(this.row(block.index * BLOCK + n));
    const fresh = !block.painted.length;
    const reach = this.topOf(block) - this.top; // below 0: begins above the window
    const anchor = fresh && reach < 0 ? Math.floor(-reach / LINE) : -1;
    block.painted.push(...rows);
    block.node.append(...rows);
    block.node.style.height = "";
    const before = block.height;
    block.height = this.wraps ? block.node.offsetHeight : size * LINE;
    if (anchor >= 0 && block.height !== size * LINE) {
      // The row that stood at the window's top by guess stands there for good; the rest moves.
      const row = block.painted[Math.min(anchor, size - 1)];
      const now = anchor < size ? row.offsetTop - block.node.offsetTop + (-reach - anchor * LINE)
        : block.height + (-reach - before);
      this.shift(now + reach);
    } else if (reach < 0 && reach + before <= 0) this.shift(block.height - before);
    this.dispatchEvent(new CustomEvent("painted", { detail: rows }));
  }

  topOf(block) {
    let at = this.before;
    for (const one of this.blocks) {
      if (one === block) return at;
      at += one.height;
    }
    return at;
  }

  get wraps() { return !this.scroller.classList.contains("nowrap-lines"); }

  row(number) {
    const line = this.lines.lineAt(number);
    const entry = this.lines.known.get(line) ?? NONE;
    const row = document.createElement("div");
    row.className = entry.mark ? `ln ${entry.mark}` : "ln";
    row.id = `line-${line + 1}`;
    if (this.isMarked(line + 1)) row.classList.add("target");
    if (this.lines.isApart(number)) row.classList.add("apart");
    const link = document.createElement("a");
    link.className = "no";
    link.href = `#${row.id}`;
    link.tabIndex = -1;
    link.setAttribute("aria-hidden", "true"); // every line would be read as its number
    link.dataset.n = String(line + 1);
    if (entry.when && this.started) link.dataset.t = clock((entry.when - this.started) / 1000);
    if (entry.when) link.title = new Date(entry.when).toLocaleString();
    row.append(link, this.words(entry, line, row));
    return row;
  }

  words(entry, line, row) {
    const words = document.createElement("span");
    words.className = "tx";
    const text = entry.parts[0] ?? "";
    const stars = HEADS.has(entry.mark) && STARS.exec(text);
    if (!stars) {
      for (let n = 0; n < entry.parts.length; n += 2) paint(words, entry.parts[n], entry.parts[n + 1]?.copy());
      return words;
    }
    // A heading's stars fill what is left of the line, and never wrap.
    row.classList.add("starred");
    const title = document.createElement("span");
    paint(title, text.slice(0, stars.index), entry.parts[1]?.copy());
    const rest = document.createElement("span");
    rest.className = "stars";
    rest.textContent = stars[0];
    if (entry.mark !== "r") words.append(this.fold(line));
    words.append(title, rest);
    return words;
  }

  fold(line) {
    const folded = this.folds?.(line) ?? false;
    const button = document.createElement("button");
    button.type = "button";
    button.className = folded ? "fold closed" : "fold";
    button.dataset.fold = String(line);
    button.tabIndex = -1;
    button.setAttribute("aria-label", folded ? "Unfold" : "Fold");
    button.setAttribute("aria-expanded", String(!folded));
    return button;
  }

  rowNode(line) {
    const number = this.lines.isShown(line) ? this.lines.rowOf(line) : -1;
    const block = this.blocks.find((b) => b.index === Math.floor(number / BLOCK));
    return block?.painted[number % BLOCK];
  }

  // ---- what changes ----

  // The output became longer; `touched` are known lines that have grown.
  grown(touched = []) {
    for (const line of touched) {
      const row = this.rowNode(line);
      row?.lastChild.replaceWith(this.words(this.lines.known.get(line), line, row));
    }
    if (this.following && this.blocks.length && this.lastBlock - this.blocks.at(-1).index > 20) {
      this.top = this.scroller.scrollTop;
      this.place(this.rows - 1, this.scroller.clientHeight - LINE); // too much to pass by
    }
    for (const block of this.blocks.slice(-2)) {
      // Room for what has come into the last block: it is painted when it is near.
      if (!block.painted.length) {
        block.height = this.sizeOf(block.index) * LINE;
        block.node.style.height = `${block.height}px`;
      }
    }
    this.settle();
  }

  // Other lines are shown: the given one (from 1) stays where it is.
  reshape(line = this.firstShown()) {
    const at = this.offsetOf(line);
    this.top = this.scroller.scrollTop;
    this.aim = 0;
    if (this.rows) this.place(this.lines.rowOf(line - 1), Math.min(Math.max(at, 0), this.scroller.clientHeight / 2));
    this.settle();
    if (this.following) this.toEnd();
  }

  offsetOf(line) {
    const row = this.rowNode(line - 1);
    return row ? row.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top : 0;
  }

  // Rows are as high as their words need: measure again where the width or the wrapping changed.
  resized() {
    const { clientWidth } = this.scroller;
    if (clientWidth === this.width) {
      this.settle();
      return;
    }
    this.width = clientWidth;
    this.remeasure(this.firstShown());
  }

  remeasure(line) {
    for (const block of this.blocks) if (block.painted.length) block.height = block.node.offsetHeight;
    this.boxes();
    const row = this.rowNode(line - 1);
    if (row && !this.following) this.scrollTo(this.scroller.scrollTop + this.offsetOf(line));
    this.settle();
  }

  // ---- where we are ----

  get atEnd() {
    if (!this.rows || this.blocks.at(-1)?.index !== this.lastBlock) return false;
    return this.bottom - this.top - this.scroller.clientHeight < 40;
  }

  toEnd() {
    if (!this.rows) return;
    if (this.blocks.at(-1)?.index !== this.lastBlock) {
      this.top = this.scroller.scrollTop;
      this.place(this.rows - 1, this.scroller.clientHeight - LINE);
      this.settle();
    }
    this.scrollTo(this.scroller.scrollHeight);
    this.height = this.scroller.scrollHeight;
  }

  follow(on) {
    if (this.following === on) return;
    this.following = on;
    this.aim = 0;
    if (on) {
      this.toEnd();
      this.settle();
    }
    this.dispatchEvent(new Event("follow"));
  }

  // Keep what is to be kept in view there, after rows above it took another height.
  hold() {
    if (this.following) this.toEnd();
    else if (this.aim) this.align();
  }

  // Scrolling up stops following, reaching the end starts it. A view that shrinks is no scrolling.
  scrolled() {
    const { scrollTop, scrollHeight } = this.scroller;
    const by = scrollTop - this.top;
    if (Math.abs(by) > 1) {
      if (this.following && by < -2 && scrollHeight >= this.height) this.follow(false);
      this.aim = 0;
    }
    this.top = scrollTop;
    if (!this.following && by > 0 && this.atEnd) this.follow(true);
    this.settle();
    this.dispatchEvent(new Event("moved"));
  }

  go(line) {
    if (!this.rows) return;
    this.follow(false);
    this.mark(line, line);
    const wanted = Math.min(line, this.lines.total);
    const row = this.lines.rowOf(wanted - 1);
    const at = Math.floor(this.scroller.clientHeight / 3);
    this.aim = wanted;
    if (!this.blocks.some((b) => b.index === Math.floor(row / BLOCK))) {
      this.top = Math.max(row * LINE * this.scale - at, 0);
      this.place(row, Math.min(at, row * LINE));
    }
    this.align();
    this.settle();
  }

  align() {
    const number = this.lines.rowOf(this.aim - 1);
    const block = this.blocks.find((b) => b.index === Math.floor(number / BLOCK));
    if (!block) return;
    const row = block.painted[number % BLOCK];
    const at = row ? row.offsetTop : this.topOf(block) + (number % BLOCK) * LINE;
    const { clientHeight } = this.scroller;
    this.scrollTo(Math.max(at - Math.floor(clientHeight / 3), 0));
  }

  // The first line now in the window, from 1.
  firstShown() {
    let at = this.before;
    for (const block of this.blocks) {
      if (at + block.height > this.top) {
        const row = block.painted.find((r) => r.offsetTop + r.offsetHeight > this.top + 4);
        if (row) return Number(row.id.slice(5));
        const number = block.index * BLOCK + Math.max(Math.floor((this.top - at) / LINE), 0);
        return this.lines.lineAt(Math.min(number, this.rows - 1)) + 1;
      }
      at += block.height;
    }
    return this.rows ? this.lines.lineAt(this.rows - 1) + 1 : 1;
  }

  // ---- chosen lines ----

  isMarked(line) { return line >= this.marked[0] && line <= this.marked[1]; }

  mark(from, to) {
    this.marked = [Math.min(from, to), Math.max(from, to)];
    for (const block of this.blocks) {
      for (const row of block.painted) row.classList.toggle("target", this.isMarked(Number(row.id.slice(5))));
    }
    this.dispatchEvent(new Event("marked"));
  }
}

// 7.3s, 2:07, 1:00:09
function clock(seconds) {
  if (seconds < 60) return `${Math.max(seconds, 0).toFixed(1)}s`;
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  const [h, m] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return h ? `${h}:${two(m)}:${two(seconds % 60)}` : `${m}:${two(seconds % 60)}`;
}
