// Where plays and tasks begin: what can be folded, and what stands above a line that was found.

import { last } from "./lines.js";

const COLOURS = /\x1b\[[0-9;:]*m/g;
const KINDS = { p: "play", t: "task", r: "recap" };

export class Headings {
  constructor(address) {
    this.address = address;
    this.items = []; // { counter, kind, first, line, name, at }, in order; lines from 0
    this.lines = []; // their lines, to look up
    this.loading = null;
    this.early = []; // events that came while we asked
  }

  // All there are so far; asked once.
  load() {
    this.loading ??= this.ask();
    return this.loading;
  }

  async ask() {
    let after = 0;
    for (let done = false; !done;) {
      const answer = await fetch(`${this.address}?after=${after}`).catch(() => null);
      if (!answer?.ok) {
        await new Promise((then) => { setTimeout(then, 1000); });
        continue;
      }
      const told = await answer.json();
      for (const [counter, kind, first, line, name, at] of told.headings) {
        this.add({ counter, kind, first, line, name, at });
        after = counter;
      }
      done = told.done;
    }
    this.ready = true;
    this.append(this.early);
    return this.items;
  }

  add(item) {
    if (item.line < 0 || item.counter <= (this.items.at(-1)?.counter ?? 0)) return;
    this.items.push(item);
    this.lines.push(item.line);
  }

  append(events) {
    if (!this.loading) return;
    for (const event of events) {
      const [counter, first, text, mark, at] = event;
      if (!KINDS[mark]) continue;
      if (!this.ready) {
        this.early.push(event);
        continue;
      }
      const parts = text.replace(COLOURS, "").split("\n");
      const words = parts.findIndex((part) => part.trim());
      const name = /\[(.*)\]/.exec(parts[words])?.[1] ?? parts[words];
      if (words >= 0) this.add({ counter, kind: KINDS[mark], first, line: first + words, name, at });
    }
  }

  // The place of the heading in whose part the line is; -1 before the first.
  at(line) { return last(this.lines, line); }

  // The lines [first, past) that the heading in this line hides when it is folded.
  under(line, total) {
    const place = this.at(line);
    const item = this.items[place];
    if (item?.line !== line) return null;
    let next = place + 1;
    if (item.kind === "play") while (this.items[next]?.kind === "task") next += 1;
    return [line + 1, this.items[next]?.first ?? total];
  }

  // All lines but those under the folded headings (a set of lines).
  unfolded(folded, total) {
    const shown = [];
    let at = 0;
    for (const { line } of this.items) {
      if (line < at || !folded.has(line)) continue;
      const [first, past] = this.under(line, total);
      if (first > at) shown.push([at, first]);
      at = Math.max(past, first);
    }
    if (at < total) shown.push([at, total]);
    return shown;
  }

  // Found lines with the play and the task above each.
  above(ranges) {
    const shown = [];
    let [play, task] = [-1, -1];
    const put = (first, past) => {
      const end = shown.at(-1)?.[1] ?? 0;
      if (past <= end) return;
      if (first <= end && shown.length) shown.at(-1)[1] = past;
      else shown.push([first, past]);
    };
    for (const [first, past] of ranges) {
      const place = this.at(first);
      if (place >= 0 && place !== task) {
        let own = place;
        while (own >= 0 && this.items[own].kind === "task") own -= 1;
        if (own >= 0 && own !== play && this.items[own].kind === "play") put(this.items[own].line, this.items[own].line + 1);
        if (this.items[place].kind !== "recap") put(this.items[place].line, this.items[place].line + 1);
        [play, task] = [own, place];
      }
      put(first, past);
    }
    return shown;
  }
}
