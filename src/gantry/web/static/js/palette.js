// Ctrl-K (or ⌘K): search over everything, by keyboard. Without script the button is a link to the
// same search as a page.

import { ended } from "./ended.js";

const dialog = document.getElementById("palette");
const box = document.getElementById("palette-words");
const list = document.getElementById("palette-found");
const said = document.getElementById("palette-said");
const WAIT = 90; // ms between the last key and the question

let timer = 0;
let asking = null;

function open() {
  if (dialog.open) return;
  dialog.showModal();
  box.select();
  ask();
}

async function ask() {
  asking?.abort();
  asking = new AbortController();
  const address = `${dialog.dataset.address}?part&q=${encodeURIComponent(box.value)}`;
  try {
    const answer = await fetch(address, { signal: asking.signal, headers: { "X-WS-Session-Quiet": "yes" } });
    if (ended(answer) || !answer.ok) return;
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    list.replaceChildren(...parsed.body.childNodes);
    const found = options();
    said.textContent = found.length === 1 ? "1 result" : `${found.length} results`;
    choose(found[0]);
  } catch (error) {
    if (error.name !== "AbortError") said.textContent = "The server does not answer.";
  }
}

const options = () => [...list.querySelectorAll("a[role=option]")];
const chosen = () => list.querySelector("[aria-selected=true]");

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  if (option) {
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", option.id);
  } else box.removeAttribute("aria-activedescendant");
}

function step(by) {
  const all = options();
  if (!all.length) return;
  const at = all.indexOf(chosen());
  choose(all[(at + by + all.length) % all.length]);
}

addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (dialog.open) dialog.close(); else open();
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-do=find]")) { event.preventDefault(); open(); }
  else if (event.target === dialog) dialog.close(); // the ground around it
});
box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, WAIT); });
box.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") step(1);
  else if (event.key === "ArrowUp") step(-1);
  else if (event.key === "Enter") chosen()?.click();
  else return;
  event.preventDefault();
});
list.addEventListener("pointermove", (event) => {
  const option = event.target.closest("a[role=option]");
  if (option && option !== chosen()) choose(option);
});
if (/Mac|iPhone|iPad/.test(navigator.platform)) {
  for (const key of document.querySelectorAll(".find kbd")) key.textContent = "⌘K";
}
