// What each task did on each host, asked in pieces from the first event on; matrix and timeline draw
// from the same.

const STARTED = 0; // states as gantry.record.results numbers them
export const STATES = ["start", "ok", "changed", "skipped", "ignored", "failed", "unreachable"];
const PAUSE = 500; // milliseconds between looks at a running job

class Results extends EventTarget {
  constructor(address) {
    super();
    this.address = address;
    this.tasks = []; // { key, play, name, counts, line, from, to }
    this.hosts = []; // { name, worst, busy }
    this.places = [new Map(), new Map()]; // key -> place in tasks, in hosts
    this.cells = new Map(); // task * WIDE + host -> [state, line, from, to]
    this.works = []; // [from, to] of each task on each host, for the forks in use
    this.last = 0;
    this.part = 0;
    this.asking = false;
  }

  place(kind, key, make) {
    const known = this.places[kind].get(key);
    if (known !== undefined) return known;
    const list = kind ? this.hosts : this.tasks;
    list.push(make());
    this.places[kind].set(key, list.length - 1);
    return list.length - 1;
  }

  cell(task, host) { return this.cells.get(task * WIDE + host); }

  // Ask until we know what there is.
  async read() {
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    do {
      this.again = false;
      for (let done = false; !done;) {
        const answer = await fetch(`${this.address}?after=${this.last}`).catch(() => null);
        if (!answer?.ok) {
          await new Promise((then) => { setTimeout(then, 1000); });
          continue;
        }
        const told = await answer.json();
        this.take(told);
        done = told.last >= told.head;
        this.part = told.head ? told.last / told.head : 1;
        this.dispatchEvent(new Event("read"));
      }
    } while (this.again);
    this.asking = false;
  }

  // The job has gone on: look again, soon.
  grown() {
    if (this.planned) return;
    this.planned = true;
    setTimeout(() => { this.planned = false; this.read(); }, PAUSE);
  }

  take(told) {
    const tasks = told.tasks.map(([key, play, name]) => this.place(0, key, () => ({
      key, play, name: name || play || "(no name)", counts: new Array(STATES.length).fill(0), line: -1, from: Infinity, to: 0,
    })));
    const hosts = told.hosts.map((name) => this.place(1, name, () => ({ name, worst: 0, busy: 0 })));
    for (let n = 0; n < told.task.length; n += 1) {
      this.one(tasks[told.task[n]], hosts[told.host[n]], told.state[n], told.line[n], told.at[n]);
    }
    this.last = told.last;
  }

  one(place, who, state, line, at) {
    const [task, host] = [this.tasks[place], this.hosts[who]];
    const key = place * WIDE + who;
    let cell = this.cells.get(key);
    if (!cell) this.cells.set(key, cell = [STARTED, line, at, at]);
    if (task.line < 0) task.line = line;
    task.from = Math.min(task.from, at);
    task.to = Math.max(task.to, at);
    if (state === STARTED) {
      cell[2] = at;
      return;
    }
    if (cell[0] !== STARTED) task.counts[cell[0]] -= 1; // it ran again here: the last word counts
    task.counts[state] += 1;
    if (at > cell[2]) {
      host.busy += at - cell[2];
      this.works.push(cell[2], at);
    }
    [cell[0], cell[1], cell[3]] = [state, line, at];
    host.worst = Math.max(host.worst, state > 3 ? state : 0);
  }
}

const WIDE = 1 << 20; // more hosts than any inventory has

const shared = new Map();
export function resultsOf(address) {
  if (!shared.has(address)) shared.set(address, new Results(address));
  return shared.get(address);
}
