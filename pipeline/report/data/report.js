"use strict";
// The filter of the instances. Without a script all rows are there; printed are those that are shown.
const rows = [...document.querySelectorAll("#instance-rows tr")].map((row) => ({ row, text: row.textContent.toLowerCase() }));
const [words, modality, boxed, told] = ["words", "modality", "boxed", "told"].map((id) => document.getElementById(id));

function show() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { row, text } of rows) {
    const fits = wanted.every((word) => text.includes(word))
      && (!modality.value || row.dataset.modality === modality.value)
      && (!boxed.checked || row.dataset.boxes !== "0");
    row.hidden = !fits;
    shown += fits;
  }
  told.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows shown`;
}

if (words) {
  const form = document.getElementById("filter");
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
}

// On paper nothing can be opened.
const folded = [...document.querySelectorAll("details")];
let opened = [];
addEventListener("beforeprint", () => { opened = folded.filter((part) => !part.open); opened.forEach((part) => { part.open = true; }); });
addEventListener("afterprint", () => opened.forEach((part) => { part.open = false; }));
