// One line of terminal text to nodes. Only textContent and class names: nothing a play prints can
// become markup. SGR codes colour; every other escape sequence is dropped.

// CSI, OSC (links and titles), other two-byte escapes, a lone escape; then control characters.
const ESCAPES = /\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])?/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
// Characters that make text read in another order than it is: they are named instead of obeyed.
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;
const ON = { 1: "bold", 2: "faded", 3: "italic", 4: "underline", 7: "reverse" };
const OFF = { 22: ["bold", "faded"], 23: ["italic"], 24: ["underline"], 27: ["reverse"] };
const CUBE = [0, 95, 135, 175, 215, 255];

export class Look {
  constructor() { this.reset(); }

  reset() {
    this.fore = this.back = "";
    this.marks = new Set();
  }

  get plain() { return !this.fore && !this.back && !this.marks.size; }

  take(parameters) {
    const codes = parameters.split(/[;:]/).map((c) => Number(c) || 0);
    for (let i = 0; i < codes.length; i += 1) {
      const code = codes[i];
      if (code === 0) this.reset();
      else if (ON[code]) this.marks.add(ON[code]);
      else if (OFF[code]) OFF[code].forEach((m) => this.marks.delete(m));
      else if (code >= 30 && code <= 37) this.fore = `c${code - 30}`;
      else if (code >= 90 && code <= 97) this.fore = `c${code - 82}`;
      else if (code === 39) this.fore = "";
      else if (code >= 40 && code <= 47) this.back = `b${code - 40}`;
      else if (code >= 100 && code <= 107) this.back = `b${code - 100}`;
      else if (code === 49) this.back = "";
      else if (code === 38 || code === 48) i = this.extended(codes, i);
    }
  }

  // 38;5;n and 38;2;r;g;b
  extended(codes, at) {
    const wide = codes[at + 1] === 2;
    const colour = wide ? `rgb(${codes.slice(at + 2, at + 5).map((c) => c & 255).join(" ")})`
      : indexed(codes[at + 2] & 255, codes[at] === 48);
    if (codes[at] === 38) this.fore = colour;
    else this.back = colour;
    return at + (wide ? 4 : 2);
  }

  copy() {
    const other = new Look();
    other.fore = this.fore;
    other.back = this.back;
    other.marks = new Set(this.marks);
    return other;
  }

  dress(span) {
    for (const colour of [this.fore, this.back]) {
      if (colour && !colour.startsWith("rgb")) span.classList.add(colour);
    }
    if (this.fore.startsWith("rgb")) span.style.color = this.fore;
    if (this.back.startsWith("rgb")) span.style.backgroundColor = this.back;
    this.marks.forEach((m) => span.classList.add(m));
  }
}

function indexed(n, ground) {
  if (n < 16) return ground ? `b${n % 8}` : `c${n}`;
  if (n >= 232) return `rgb(${Array(3).fill(8 + (n - 232) * 10).join(" ")})`;
  const c = n - 16;
  return `rgb(${CUBE[Math.floor(c / 36)]} ${CUBE[Math.floor(c / 6) % 6]} ${CUBE[c % 6]})`;
}

function put(into, text, look) {
  if (!text) return;
  const shown = text.replace(CONTROLS, "\ufffd")
    .replace(TURNS, (c) => `[U+${c.codePointAt(0).toString(16).toUpperCase()}]`);
  if (look.plain) {
    into.append(shown);
    return;
  }
  const span = document.createElement("span");
  look.dress(span);
  span.textContent = shown;
  into.append(span);
}

// Adds the line's text to `into`; `look` carries colours from line to line of one event.
export function paint(into, line, look = new Look()) {
  let text = line.endsWith("\r") ? line.slice(0, -1) : line;
  const back = text.lastIndexOf("\r");
  if (back >= 0) text = text.slice(back + 1); // a progress bar's last word
  if (!text.includes("\x1b")) {
    put(into, text, look);
    return;
  }
  let at = 0;
  for (const found of text.matchAll(ESCAPES)) {
    put(into, text.slice(at, found.index), look);
    at = found.index + found[0].length;
    if (found[2] === "m") look.take(found[1] || "0");
  }
  put(into, text.slice(at), look);
}

// What a line leaves switched on for the next one of its event.
export function carry(look, line) {
  for (const found of line.matchAll(ESCAPES)) if (found[2] === "m") look.take(found[1] || "0");
}
