// Asks the server which lines match, piece by piece from the first event to the last, and goes on
// from there when the output grows.

const PAUSE = 700; // milliseconds between looks at what a running job has printed since

export class Finder extends EventTarget {
  constructor(address) {
    super();
    this.address = address;
    this.query = "";
    this.clear();
  }

  clear() {
    this.ranges = []; // [first, past) of lines from 0
    this.count = 0;
    this.last = 0;
    this.part = 0; // how much of the output has been looked through, 0 to 1
    this.done = true;
    this.run = (this.run ?? 0) + 1;
  }

  start(query) {
    if (query === this.query) return;
    this.query = query;
    this.clear();
    if (query) this.ask(this.run);
    this.dispatchEvent(new Event("found"));
  }

  async ask(run) {
    this.done = false;
    while (!this.done && run === this.run) {
      const answer = await fetch(`${this.address}?${this.query}&after=${this.last}`).catch(() => null);
      if (run !== this.run) return;
      if (!answer?.ok) {
        await new Promise((then) => { setTimeout(then, 1000); });
        continue;
      }
      this.take(await answer.json(), run);
    }
  }

  take(told, run) {
    if (run !== this.run) return;
    for (const [first, past] of told.lines) {
      const end = this.ranges.at(-1);
      const from = Math.max(first, end?.[1] ?? 0);
      if (past <= from) continue;
      if (end && from === end[1]) end[1] = past;
      else this.ranges.push([from, past]);
      this.count += past - from;
    }
    this.last = told.last;
    this.part = told.head ? told.last / told.head : 1;
    this.done = told.done;
    this.dispatchEvent(new Event("found"));
  }

  // There is more output: look on, soon.
  more() {
    if (!this.query || !this.done || this.planned) return;
    this.planned = true;
    setTimeout(() => {
      this.planned = false;
      if (this.query && this.done) this.ask(this.run);
    }, PAUSE);
  }

  // How many lines were found before this one (from 0).
  before(line) {
    let count = 0;
    for (const [first, past] of this.ranges) {
      if (first >= line) break;
      count += Math.min(past, line) - first;
    }
    return count;
  }

  // The found line after (step 1) or before (-1) a line, around the ends; -1 when there is none.
  next(line, step) {
    if (!this.ranges.length) return -1;
    if (step > 0) {
      for (const [first, past] of this.ranges) if (past > line + 1) return Math.max(first, line + 1);
      return this.ranges[0][0];
    }
    for (let n = this.ranges.length - 1; n >= 0; n -= 1) {
      const [first, past] = this.ranges[n];
      if (first < line) return Math.min(past - 1, line - 1);
    }
    return this.ranges.at(-1)[1] - 1;
  }
}
