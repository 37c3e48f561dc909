// A list whose rows can be ticked: the bar of what can be done with them shows when some are.

const bar = document.querySelector("[data-selection]");
const all = document.querySelector("input[data-all]");
if (bar) {
  const boxes = () => [...document.querySelectorAll("input[name=id][form=selection]")];
  const count = bar.querySelector("[data-count]");
  const show = () => {
    const ticked = boxes().filter((box) => box.checked).length;
    bar.classList.toggle("some", ticked > 0);
    count.textContent = ticked ? `${ticked} selected` : "";
    for (const button of bar.querySelectorAll("button")) button.disabled = ticked === 0;
    if (all) {
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
    }
  };
  all?.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    show();
  });
  document.addEventListener("change", (event) => { if (event.target.form === bar) show(); });
  addEventListener("pageshow", show); // the browser keeps ticks when one goes back
  show();
}
