// Point at a line that corresponds to one of the other engine, and both light up.
document.addEventListener("mouseover", (event) => {
  const line = event.target.closest(".ln[data-k]");
  for (const lit of document.querySelectorAll(".ln.lit")) lit.classList.remove("lit");
  if (line)
    for (const one of document.querySelectorAll(`.ln[data-k="${line.dataset.k}"]`))
      one.classList.add("lit");
});

// A button at each pair opens all that is folded, or closes it again.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".pair .unfold")) {
    const folds = button.closest(".pair").querySelectorAll("details");
    button.hidden = folds.length === 0;
    button.addEventListener("click", () => {
      const open = [...folds].some((fold) => !fold.open);
      for (const fold of folds) fold.open = open;
      button.textContent = open ? "fold again" : "show all lines";
    });
  }
});
