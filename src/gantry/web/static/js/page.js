// What every page needs: theme switch, menu, dialogs, copy buttons, and times that stay true.

// The server shows calendars in the zone of who looks; see gantry/web/zone.py.
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
document.cookie = `zone=${ZONE}; path=/; max-age=31536000; samesite=lax`;
const CLOCK = new Intl.DateTimeFormat(undefined, {
  weekday: "short", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  timeZoneName: "short",
});
const UNITS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [30 * 86400, 86400, "d"]];

function ago(seconds) {
  if (seconds < -4) return `in ${ago(-seconds).replace(" ago", "")}`;
  if (seconds < 5) return "just now";
  for (const [limit, unit, word] of UNITS) {
    if (seconds < limit) return `${Math.floor(seconds / unit)} ${word} ago`;
  }
  const months = Math.floor(seconds / (30 * 86400));
  return months < 12 ? `${months} mo ago` : `${Math.floor(seconds / (365 * 86400))} y ago`;
}

export function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const two = (n) => String(n).padStart(2, "0");
  if (minutes < 60) return `${minutes} min ${two(Math.floor(seconds % 60))} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

export function refreshTimes(root = document) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-fixed])")) {
    const when = new Date(time.dateTime);
    if (time.dataset.clock !== undefined) time.textContent = CLOCK.format(when);
    else time.textContent = ago((Date.now() - when) / 1000);
    time.title = when.toLocaleString();
  }
}

// <span data-elapsed="12.5">: seconds so far by the server's clock; ours only measures the rest.
const seen = new WeakMap();
function tick() {
  for (const span of document.querySelectorAll("[data-elapsed]")) {
    if (!seen.has(span)) seen.set(span, performance.now());
    const more = (performance.now() - seen.get(span)) / 1000;
    span.textContent = duration(Number(span.dataset.elapsed) + more);
  }
}

function switchTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try { localStorage.setItem("theme", next); } catch { /* it holds for this page */ }
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const said = button.getAttribute("aria-label");
  button.setAttribute("aria-label", "Copied");
  button.title = "Copied";
  setTimeout(() => { button.setAttribute("aria-label", said); button.title = said; }, 1500);
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-do], [data-copy]");
  if (!target) return;
  if (target.dataset.copy !== undefined) copy(target);
  else if (target.dataset.do === "theme") switchTheme();
  else if (target.dataset.do === "menu") {
    const open = document.querySelector(".bar").classList.toggle("open");
    target.setAttribute("aria-expanded", String(open));
  } else if (target.dataset.do === "open") document.getElementById(target.dataset.dialog).showModal();
  else if (target.dataset.do === "close") target.closest("dialog").close();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// A form sent twice is a job launched twice.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  else if (event.target.method === "post") event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// <… data-reload="3">: something is under way on the server; look again in so many seconds.
const underWay = document.querySelector("[data-reload]");
if (underWay) setTimeout(() => location.reload(), Number(underWay.dataset.reload) * 1000);

refreshTimes();
setInterval(refreshTimes, 20_000);
setInterval(tick, 1000);
