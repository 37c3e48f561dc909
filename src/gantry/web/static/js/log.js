// The log view: a job's lines in blocks, each fetched when it comes near and dropped when it is far.
// The scroller always has the height of the whole output, so a line has one place from the start.

import { Look, paint } from "./ansi.js";

const BLOCK = 250; // lines
const LINE = 20; // pixels, as in the stylesheet
const KEPT = 160; // blocks in the page at most: 40,000 lines
const NEAR = 1500; // pixels beyond the window that are fetched ahead
const AT_ONCE = 3; // fetches
const HEADS = new Set(["p", "t", "r"]);
const STARS = / \*{3,}$/;

export class Log extends EventTarget {
  constructor(scroller, { address, lines, start }) {
    super();
    this.scroller = scroller;
    this.address = address;
    this.started = start; // milliseconds; what the times are counted from
    this.total = 0;
    this.blocks = [];
    this.near = new Set();
    this.fetching = 0;
    this.following = false;
    this.target = 0;
    this.top = 0;
    this.height = 0;
    this.watch = new IntersectionObserver((seen) => this.looked(seen), {
      root: scroller, rootMargin: `${NEAR}px 0px`,
    });
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.grow(lines);
  }

  // Make room for lines up to `total`; they are fetched when they are looked at.
  grow(total) {
    if (total <= this.total) return;
    const first = Math.floor(this.total / BLOCK);
    this.total = total;
    while (this.blocks.length * BLOCK < total) this.addBlock();
    for (const block of this.blocks.slice(first)) this.size(block);
  }

  addBlock() {
    const node = document.createElement("div");
    node.className = "block";
    const block = { index: this.blocks.length, node, filled: false, busy: false, fresh: true, rows: new Map() };
    node.block = block;
    this.blocks.push(block);
    this.scroller.append(node);
    this.watch.observe(node);
    return block;
  }

  linesOf(block) { return Math.min(BLOCK, this.total - block.index * BLOCK); }

  size(block) {
    const height = block.measured || this.linesOf(block) * LINE;
    block.node.style.height = block.filled ? "" : `${height}px`;
    block.node.style.containIntrinsicSize = `auto ${height}px`;
  }

  looked(seen) {
    for (const entry of seen) {
      const { block } = entry.target;
      if (entry.isIntersecting) this.near.add(block);
      else this.near.delete(block);
    }
    this.fetchNear();
  }

  fetchNear() {
    const middle = this.scroller.scrollTop + this.scroller.clientHeight / 2;
    const wanted = [...this.near].filter((b) => !b.filled && !b.busy && this.linesOf(b) > 0);
    wanted.sort((a, b) => Math.abs(a.node.offsetTop - middle) - Math.abs(b.node.offsetTop - middle));
    for (const block of wanted) {
      if (this.fetching >= AT_ONCE) return;
      this.fill(block);
    }
  }

  async fill(block) {
    const from = block.index * BLOCK;
    const to = Math.min(from + BLOCK, this.total);
    block.busy = true;
    this.fetching += 1;
    try {
      const answer = await fetch(`${this.address}?from=${from}&to=${to}`);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const { events } = await answer.json();
      block.node.replaceChildren();
      block.rows.clear();
      block.filled = true;
      this.write(events);
      // Lines that came while we asked were not shown: ask again, they are cheap.
      if (this.total > to && to < from + BLOCK) block.filled = false;
      this.size(block);
      this.evict();
      if (this.following) this.toEnd();
      if (this.target && Math.floor((this.target - 1) / BLOCK) === block.index) this.show(this.target);
    } catch (error) {
      // The server is away; the block stays empty and is asked for again.
      setTimeout(() => this.fetchNear(), 1000);
    } finally {
      block.busy = false;
      this.fetching -= 1;
    }
    this.fetchNear();
  }

  // Events as they happen. Lines of blocks that are not shown only make the view longer.
  append(events) {
    let top = this.total;
    for (const [, start, text] of events) {
      top = Math.max(top, start + text.split("\n").length - (text.endsWith("\n") ? 1 : 0));
    }
    const before = this.total;
    const last = this.blocks.at(-1);
    // A last block that is shown goes on being shown; so does an empty view.
    const showing = last ? last.filled : true;
    this.total = top;
    while (this.blocks.length * BLOCK < top) {
      const block = this.addBlock();
      block.filled = showing || before === 0;
    }
    this.write(events);
    for (const block of this.blocks.slice(Math.floor(before / BLOCK))) this.size(block);
    this.evict();
    if (this.following) this.toEnd();
    this.dispatchEvent(new Event("grown"));
  }

  write(events) {
    for (const [, start, text, mark, when] of events) {
      const parts = text.split("\n");
      if (parts.at(-1) === "") parts.pop();
      const look = new Look();
      for (let i = 0; i < parts.length; i += 1) this.line(start + i, parts[i], look, mark, i ? 0 : when);
    }
  }

  line(number, text, look, mark, when) {
    const block = this.blocks[Math.floor(number / BLOCK)];
    if (!block || !block.filled) return;
    let row = block.rows.get(number);
    if (!row) {
      row = this.row(number, mark, when);
      block.rows.set(number, row);
      block.node.append(row);
    }
    const words = row.lastChild;
    const stars = HEADS.has(mark) && STARS.exec(text);
    if (!stars) {
      paint(words, text, look);
      return;
    }
    // A heading's stars fill what is left of the line, and never wrap.
    row.classList.add("starred");
    const title = document.createElement("span");
    paint(title, text.slice(0, stars.index), look);
    const rest = document.createElement("span");
    rest.className = "stars";
    rest.textContent = stars[0];
    words.append(title, rest);
  }

  row(number, mark, when) {
    const row = document.createElement("div");
    row.className = mark ? `ln ${mark}` : "ln";
    row.id = `line-${number + 1}`;
    if (this.target === number + 1) row.classList.add("target");
    const link = document.createElement("a");
    link.className = "no";
    link.href = `#${row.id}`;
    link.tabIndex = -1;
    link.setAttribute("aria-hidden", "true"); // every line would be read as its number
    link.dataset.n = String(number + 1);
    if (when && this.started) link.dataset.t = `${((when - this.started) / 1000).toFixed(1)}s`;
    const words = document.createElement("span");
    words.className = "tx";
    row.append(link, words);
    return row;
  }

  // Far blocks give their lines back and keep their height.
  evict() {
    const filled = this.blocks.filter((b) => b.filled);
    if (filled.length <= KEPT) return;
    const middle = this.scroller.scrollTop + this.scroller.clientHeight / 2;
    filled.sort((a, b) => Math.abs(b.node.offsetTop - middle) - Math.abs(a.node.offsetTop - middle));
    for (const block of filled.slice(0, filled.length - KEPT)) {
      if (this.near.has(block)) continue;
      block.measured = block.node.offsetHeight;
      block.filled = false;
      block.node.replaceChildren();
      block.rows.clear();
      this.size(block);
    }
  }

  // ---- where we are ----

  get atEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < 40;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.top = this.scroller.scrollTop;
    this.height = this.scroller.scrollHeight;
  }

  follow(on) {
    if (this.following === on) return;
    this.following = on;
    if (on) this.toEnd();
    this.dispatchEvent(new Event("follow"));
  }

  // Scrolling up stops following, reaching the end starts it. A view that shrinks is no scrolling.
  scrolled() {
    const { scrollTop, scrollHeight } = this.scroller;
    if (this.following && scrollTop < this.top - 2 && scrollHeight >= this.height) this.follow(false);
    else if (!this.following && scrollTop > this.top && this.atEnd) this.follow(true);
    this.top = scrollTop;
    this.height = scrollHeight;
  }

  // Show a line (counted from 1) in the upper third, and mark it.
  go(number) {
    if (!(number >= 1 && number <= this.total)) return;
    this.scroller.querySelector(".ln.target")?.classList.remove("target");
    this.target = number;
    this.follow(false);
    this.show(number);
  }

  show(number) {
    const block = this.blocks[Math.floor((number - 1) / BLOCK)];
    const row = block.rows.get(number - 1);
    row?.classList.add("target");
    // By boxes: a line's offsetTop counts from its block.
    const at = (row ?? block.node).getBoundingClientRect().top
      + (row ? 0 : ((number - 1) % BLOCK) * LINE);
    const { top, height } = this.scroller.getBoundingClientRect();
    this.scroller.scrollTop += at - top - height / 3;
    this.top = this.scroller.scrollTop;
  }

  // The first line now in the window, from 1.
  firstShown() {
    const box = this.scroller.getBoundingClientRect();
    const row = document.elementFromPoint(box.left + 80, box.top + 4)?.closest(".ln");
    return row ? Number(row.id.slice(5)) : Math.floor(this.scroller.scrollTop / LINE) + 1;
  }
}
