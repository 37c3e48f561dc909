// <div data-filter="ID"> around a search box: the rows of #ID without its words are hidden as they
// are typed. Without script the form asks the server, which answers with the same rows.

for (const place of document.querySelectorAll("[data-filter]")) {
  const box = place.querySelector("input[type=search]");
  const list = document.getElementById(place.dataset.filter);
  const none = document.getElementById(`${list.id}-none`);
  // Only what the server sent can be narrowed: a page that was searched already asks again.
  if (box.value) continue;
  const groups = [...list.querySelectorAll("[data-group]")].map((group) => ({
    group, count: group.querySelector("[data-count]"),
    rows: [...group.querySelectorAll("tbody tr")].map((row) => [row, row.cells[0].textContent.toLowerCase()]),
  }));
  box.addEventListener("input", () => {
    const words = box.value.trim().toLowerCase();
    let left = 0;
    for (const { group, count, rows } of groups) {
      let shown = 0;
      for (const [row, name] of rows) {
        row.hidden = !name.includes(words);
        if (!row.hidden) shown += 1;
      }
      count.textContent = String(shown);
      group.hidden = shown === 0;
      left += shown;
    }
    none.hidden = left > 0;
  });
}
