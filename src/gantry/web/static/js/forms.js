// Forms whose fields depend on each other, and that show what they would do while they are filled in.
// <… data-when="repeat=daily,weekly ends=count">: shown while every named field has one of its values.
// <form data-preview="/address/">: what it answers to the form as it stands is put into #preview.

function value(form, name) {
  const field = form.elements[name];
  if (!field) return "";
  if (field.type === "checkbox") return field.checked ? "on" : "";
  return field.value;
}

export function showWhatCounts(form) {
  for (const part of form.querySelectorAll("[data-when]")) {
    part.hidden = !part.dataset.when.split(" ").every((condition) => {
      const [name, wanted] = condition.split("=");
      return wanted.split(",").includes(value(form, name));
    });
  }
}

let newest = 0;
async function preview(form) {
  const mine = ++newest;
  const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form) });
  const html = await answer.text();
  if (mine === newest && answer.ok) document.getElementById("preview").innerHTML = html;
}

for (const form of document.querySelectorAll("form")) {
  if (!form.querySelector("[data-when]") && !form.dataset.preview) continue;
  let waiting = 0;
  const changed = () => {
    showWhatCounts(form);
    if (!form.dataset.preview) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => preview(form), 250);
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  showWhatCounts(form);
  if (form.dataset.preview) preview(form);
}
