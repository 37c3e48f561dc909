// The editor of a workflow: what is done in its picture and panel goes to the API, then both are fetched
// again. Nodes by keyboard: arrows go, Enter opens, a adds after it, Delete asks and removes.

import { showWhatCounts } from "./forms.js";

const root = document.getElementById("workflow");
const { workflow, part, choices } = root.dataset;
const NODES = "workflow_job_template_nodes/";
let chosen = new URLSearchParams(location.search).get("node") ?? "";

const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";

class Refused extends Error {}

async function api(method, address, body) {
  const answer = await fetch(`/api/v2/${address}`, {
    method, headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const data = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refused(words(data));
  return data;
}

function words(data) {
  if (Array.isArray(data)) return data.map(words).join(" ");
  if (data && typeof data === "object") {
    return Object.entries(data).map(([name, value]) =>
      ["detail", "error", "Error", "msg", "__all__"].includes(name) ? words(value) : `${name}: ${words(value)}`,
    ).join(" ");
  }
  return String(data);
}

async function show(focus) {
  const answer = await fetch(`${part}?node=${chosen}`);
  if (!answer.ok) return location.reload();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("drawing");
  const old = document.getElementById("drawing");
  const scroll = old.querySelector(".graph-scroll");
  const at = scroll ? [scroll.scrollLeft, scroll.scrollTop] : [0, 0];
  old.replaceWith(document.adoptNode(fresh));
  document.querySelector(".graph-scroll")?.scrollTo(...at);
  document.querySelector(".graph .selected")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  history.replaceState(null, "", chosen ? `?node=${chosen}` : location.pathname);
  prepare();
  if (focus) document.querySelector(focus)?.focus();
}

// One change after the other, each told to a screen reader; a refusal stays beside the picture.
let queue = Promise.resolve();
function change(said, what, focus) {
  queue = queue.then(async () => {
    try {
      await what();
      await show(focus ?? (chosen ? `[data-node="${chosen}"]` : "#add-what"));
      document.getElementById("workflow-said").textContent = said;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await show();
      const place = document.getElementById("workflow-error");
      place.textContent = error.message;
      place.hidden = false;
    }
  });
  return queue;
}

function fields(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.dataset.truth !== undefined) body[field.name] = field.value === "true";
    else if (field.dataset.number !== undefined) body[field.name] = field.value === "" ? null : Number(field.value);
    else body[field.name] = field.value;
  }
  return body;
}

const join = (from, edge, to) => api("POST", `${NODES}${from}/${edge}/`, { id: Number(to) });
const cut = (from, edge, to) => api("POST", `${NODES}${from}/${edge}/`, { id: Number(to), disassociate: true });

async function add(form) {
  const { after, edge, what, template, name, timeout, converge } = Object.fromEntries(new FormData(form));
  if (what === "template" && !template) throw new Refused("Choose what it runs.");
  if (what === "approval" && !name.trim()) throw new Refused("What is the question?");
  const made = await api("POST", `workflow_job_templates/${workflow}/workflow_nodes/`, {
    all_parents_must_converge: converge === "true",
    ...(what === "template" ? { unified_job_template: Number(template) } : {}),
  });
  try {
    if (what === "approval") {
      await api("POST", `${NODES}${made.id}/create_approval_template/`, { name: name.trim(), timeout: Number(timeout) || 0 });
    }
    if (after) await join(after, edge, made.id);
  } catch (error) {
    await api("DELETE", `${NODES}${made.id}/`); // nothing half made stays
    throw error;
  }
  chosen = String(made.id);
}

// What follows a node that goes, follows what was before it, by the edge that led to the node.
async function remove() {
  const edges = ["success_nodes", "failure_nodes", "always_nodes"];
  const all = [];
  for (let next = `workflow_job_templates/${workflow}/workflow_nodes/?page_size=200`; next;) {
    const answer = await api("GET", next);
    all.push(...answer.results);
    next = answer.next?.replace("/api/v2/", "") ?? null;
  }
  const gone = all.find(({ id }) => String(id) === chosen);
  const after = edges.flatMap((edge) => gone[edge]);
  await api("DELETE", `${NODES}${chosen}/`);
  for (const before of all) {
    for (const edge of edges) {
      if (!before[edge].includes(gone.id)) continue;
      const has = new Set(edges.flatMap((e) => before[e]));
      for (const to of after) if (!has.has(to)) await join(before.id, edge, to);
    }
  }
  chosen = "";
}

function choose(node, focus) {
  chosen = node;
  queue = queue.then(() => show(focus));
}

root.addEventListener("submit", (event) => {
  const form = event.target;
  event.preventDefault();
  if (form.dataset.api) change("Saved.", () => api(form.dataset.method, form.dataset.api, fields(form)));
  else if (form.dataset.add !== undefined) change("Added.", () => add(form));
  else if (form.dataset.join !== undefined) {
    const { to, edge } = Object.fromEntries(new FormData(form));
    change("Joined.", () => join(chosen, edge, to), "#join-to");
  }
});

root.addEventListener("click", (event) => {
  const { target } = event;
  const node = target.closest("[data-node]");
  const cutting = target.closest("[data-cut]");
  if (target.closest("[data-close]")) choose("", `[data-node="${chosen}"]`);
  else if (target.closest("[data-delete]")) change("Deleted.", remove);
  else if (cutting) change("Edge removed.", () => cut(chosen, cutting.dataset.cut, cutting.dataset.to), "#join-to");
  else if (node && !dragged) choose(node.dataset.node, `[data-node="${node.dataset.node}"]`);
});

root.addEventListener("change", (event) => {
  const select = event.target;
  if (select.dataset.edge) {
    const { edge, to } = select.dataset;
    change("Edge changed.", async () => {
      await cut(chosen, edge, to);
      await join(chosen, select.value, to);
    }, `[data-to="${to}"]`);
  }
  whatCounts();
});

const KEYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
root.addEventListener("keydown", (event) => {
  const node = event.target.closest?.("[data-node]");
  if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" || event.key === " ") choose(node.dataset.node, "#drawing .panels select");
  else if (event.key === "a") choose(node.dataset.node, "#add-what");
  else if (event.key === "Delete") {
    chosen = node.dataset.node;
    queue = queue.then(() => show()).then(() => document.getElementById("delete-node")?.showModal());
  } else if (KEYS[event.key]) nearest(node, ...KEYS[event.key])?.focus();
  else return;
  event.preventDefault();
});

function nearest(from, x, y) {
  const middle = (node) => {
    const box = node.querySelector(".ground").getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const [ax, ay] = middle(from);
  let best = null;
  let least = Infinity;
  for (const node of document.querySelectorAll("[data-node]")) {
    const [bx, by] = middle(node);
    const ahead = (bx - ax) * x + (by - ay) * y;
    const aside = Math.abs((bx - ax) * y) + Math.abs((by - ay) * x);
    if (node !== from && ahead > 5 && ahead + 2 * aside < least) [best, least] = [node, ahead + 2 * aside];
  }
  return best;
}

// Drag from a node's port to the node that shall follow it.
let dragged = false;
root.addEventListener("pointerdown", (event) => {
  const port = event.target.closest?.("[data-port]");
  if (!port) return;
  event.preventDefault();
  const svg = port.ownerSVGElement;
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("class", "edge success drawn");
  svg.append(line);
  const [x, y] = [port.cx.baseVal.value, port.cy.baseVal.value];
  const move = ({ clientX, clientY }) => {
    dragged = true;
    const at = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
    line.setAttribute("d", `M${x} ${y}L${at.x} ${at.y}`);
  };
  const drop = ({ clientX, clientY }) => {
    removeEventListener("pointermove", move);
    line.remove();
    const to = document.elementFromPoint(clientX, clientY)?.closest("[data-node]")?.dataset.node;
    const from = port.dataset.port;
    if (dragged && to && to !== from) {
      chosen = from;
      change("Joined on success.", () => join(from, "success_nodes", to), "#drawing [data-edge]:last-of-type");
    }
    setTimeout(() => { dragged = false; });
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", drop, { once: true });
});

let searching = 0;
root.addEventListener("input", (event) => {
  if (event.target.id !== "add-search") return;
  clearTimeout(searching);
  searching = setTimeout(async () => {
    const answer = await fetch(`${choices}?q=${encodeURIComponent(event.target.value)}`);
    if (answer.ok) document.getElementById("add-template").innerHTML = await answer.text();
  }, 200);
});

function whatCounts() {
  const form = root.querySelector("[data-add]");
  if (!form) return;
  showWhatCounts(form);
  const edge = form.querySelector("[data-unless-start]");
  if (edge) edge.hidden = form.elements.after.value === "";
}

function prepare() {
  whatCounts();
  // Of a list that is open, Enter adds what it stands on.
  document.getElementById("add-template")?.addEventListener("dblclick", (event) => event.target.form?.requestSubmit());
}
prepare();
