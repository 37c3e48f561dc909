// The lines of a job's output as far as they have been fetched, and which of them are shown: all,
// or ranges of them when the view is folded or filtered. Rows count what is shown, from 0.

import { Look, carry } from "./ansi.js";

const CHUNK = 250; // lines of one question
const KEPT = 40_000; // lines in memory
const AT_ONCE = 3; // questions
const MOST_RANGES = 200; // in one question

export class Lines extends EventTarget {
  constructor(address, total) {
    super();
    this.address = address;
    this.total = total;
    this.known = new Map();
    this.ranges = null; // [first, past) of the lines shown; null: all
    this.starts = null; // the row at which each range begins
    this.firsts = null; // its first line
    this.asked = new Set();
    this.shape = 0; // counts the changes of `ranges`
  }

  get count() {
    if (!this.ranges) return this.total;
    const last = this.ranges.length - 1;
    return last < 0 ? 0 : this.starts[last] + this.ranges[last][1] - this.ranges[last][0];
  }

  // Show only these lines, in order; null shows all.
  show(ranges) {
    this.ranges = ranges;
    this.shape += 1;
    this.starts = ranges && [];
    this.firsts = ranges?.map(([first]) => first);
    let row = 0;
    for (const [first, past] of ranges ?? []) {
      this.starts.push(row);
      row += past - first;
    }
  }

  lineAt(row) {
    if (!this.ranges) return row;
    const at = last(this.starts, row);
    return this.ranges[at][0] + row - this.starts[at];
  }

  // The row of the line, or of the first shown line after it.
  rowOf(line) {
    if (!this.ranges) return Math.min(line, Math.max(this.total - 1, 0));
    if (!this.ranges.length) return 0;
    const at = last(this.firsts, line);
    if (at < 0) return 0;
    const [first, past] = this.ranges[at];
    return Math.min(this.starts[at] + Math.min(line - first, past - first), this.count - 1);
  }

  isShown(line) {
    if (!this.ranges) return line < this.total;
    const row = this.rowOf(line);
    return this.count > 0 && this.lineAt(row) === line;
  }

  // Whether a row begins a range apart from the one above it.
  isApart(row) {
    if (!this.ranges || !row) return false;
    return this.lineAt(row - 1) !== this.lineAt(row) - 1;
  }

  get(row) { return this.known.get(this.lineAt(row)); }

  have(from, past) {
    for (let row = from; row < past; row += 1) if (!this.known.has(this.lineAt(row))) return false;
    return true;
  }

  // Ask for the rows that are missing; `wanted` are [from, past) of rows, the most urgent first.
  fetch(wanted) {
    for (const [from, past] of wanted) {
      if (this.asked.size >= AT_ONCE) return;
      this.ask(from, past);
    }
  }

  ask(from, past) {
    const missing = [];
    for (let row = from; row < past; row += 1) {
      const line = this.lineAt(row);
      if (this.known.has(line)) continue;
      if (!this.ranges) {
        // Neighbours come along: whoever reads on finds them here.
        const first = line - (line % CHUNK);
        missing.push([first, Math.min(first + CHUNK, this.total)]);
        break;
      }
      if (missing.length && missing.at(-1)[1] === line) missing.at(-1)[1] += 1;
      else if (missing.length === MOST_RANGES) break;
      else missing.push([line, line + 1]);
    }
    if (!missing.length) return;
    const words = missing.map(([a, b]) => `${a}-${b}`).join(",");
    if (this.asked.has(words)) return;
    this.asked.add(words);
    this.take(words, missing);
  }

  async take(words, ranges) {
    try {
      const answer = await fetch(`${this.address}?r=${words}`);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const { events } = await answer.json();
      this.put(events);
      // A line without any text is known too.
      for (const [first, past] of ranges) {
        for (let line = first; line < past; line += 1) if (!this.known.has(line)) this.known.set(line, empty(0, "", 0));
      }
      this.asked.delete(words);
      this.dispatchEvent(new Event("arrived"));
    } catch {
      // The server is away: ask again, for whatever is looked at then.
      setTimeout(() => { this.asked.delete(words); this.dispatchEvent(new Event("arrived")); }, 1000);
    }
  }

  // Events as they happen: their lines are known, and the output is longer.
  append(events) {
    let top = this.total;
    for (const [, start, text] of events) {
      let lines = 0;
      for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
      top = Math.max(top, start + lines + (text.endsWith("\n") ? 0 : 1));
    }
    const touched = this.put(events);
    this.total = top;
    return touched;
  }

  // Returns the lines that were known and have grown: a prompt that was answered.
  put(events) {
    const touched = [];
    for (const [counter, start, text, mark, when] of events) {
      const parts = text.split("\n");
      if (parts.at(-1) === "") parts.pop();
      const look = new Look();
      const coloured = parts.length > 1 && text.includes("\x1b");
      for (let i = 0; i < parts.length; i += 1) {
        const part = parts[i];
        const begins = look.plain ? null : look.copy();
        let entry = this.known.get(start + i);
        if (!entry) {
          entry = empty(counter, mark, when);
          this.known.set(start + i, entry);
        } else if (entry.counter >= counter) entry = null; // told before
        else touched.push(start + i);
        if (entry) {
          entry.parts.push(part, begins);
          entry.counter = counter;
        }
        if (coloured) carry(look, part);
      }
    }
    if (this.known.size > KEPT) this.forget(this.known.size - KEPT * 0.9);
    return touched;
  }

  forget(count) {
    let left = count;
    for (const line of this.known.keys()) {
      if (left <= 0) return;
      left -= 1;
      this.known.delete(line);
    }
  }
}

// `parts`: text, look at its begin, text, look ...
function empty(counter, mark, when) { return { parts: [], counter, mark, when }; }

// The last place whose value is not above `value`; -1 when there is none.
export function last(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
