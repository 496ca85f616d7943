"use strict";
for (const form of document.querySelectorAll("form[data-filters]")) {
  const rows = [...document.getElementById(form.dataset.filters).tBodies[0].rows];
  const status = form.querySelector("[role=status]");
  const total = rows.length.toLocaleString("en");
  const apply = () => {
    const { host, who, kind, text } = Object.fromEntries(new FormData(form));
    const wanted = text.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const data = row.dataset;
      const fits = (!host || data.host === host) && (!who || data.who === who) &&
        (!kind || data.kind === kind) && (!wanted || row.textContent.toLowerCase().includes(wanted));
      row.hidden = !fits;
      shown += fits;
    }
    status.textContent = shown === rows.length ? `${total} events` : `${shown.toLocaleString("en")} of ${total} events`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
}
for (const form of document.querySelectorAll("form[data-choose]")) {
  const figures = [...document.getElementById(form.dataset.choose).children];
  const select = form.querySelector("select");
  const apply = () => figures.forEach((figure, at) => { figure.hidden = at !== Number(select.value); });
  select.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = figures.length < 2;
  apply();
}
