"use strict";
// On a narrow screen what matters is in the middle, not at the left.
for (const wide of document.querySelectorAll("[data-middle]")) {
  const centre = () => {
    wide.scrollLeft = wide.scrollWidth * wide.dataset.middle - wide.clientWidth / 2;
    wide.previousElementSibling.hidden = wide.hidden || wide.scrollWidth <= wide.clientWidth;
  };
  new ResizeObserver(centre).observe(wide);
  centre();
}
for (const form of document.querySelectorAll("form[data-filters]")) {
  const rows = [...document.getElementById(form.dataset.filters).tBodies[0].rows];
  const status = form.querySelector("[role=status]");
  const caption = document.getElementById(form.dataset.filters).querySelector("[data-count]");
  const total = rows.length.toLocaleString("en");
  const among = (names, wanted) => !wanted || names.split("\n").includes(wanted);
  const apply = () => {
    const { host, who, kind, text } = Object.fromEntries(new FormData(form));
    const wanted = text.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const data = row.dataset;
      const fits = among(data.host, host) && among(data.who, who) &&
        (!kind || data.kind === kind) && (!wanted || row.textContent.toLowerCase().includes(wanted));
      row.hidden = !fits;
      shown += fits;
    }
    const all = shown === rows.length;
    status.textContent = all ? `${total} events` : `${shown.toLocaleString("en")} of ${total} events`;
    // What is printed shows no filter.
    caption.textContent = all ? `All ${total} events` : `${shown.toLocaleString("en")} of ${total} events, filtered,`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  // A browser that goes back may have filled in what was chosen before.
  apply();
  addEventListener("pageshow", apply);
  // A link to a row that a filter hides would lead nowhere.
  addEventListener("hashchange", () => {
    const row = rows.find((row) => row.id && `#${row.id}` === location.hash);
    if (row?.hidden) {
      form.reset();
      setTimeout(() => row.scrollIntoView());
    }
  });
}
for (const form of document.querySelectorAll("form[data-choose]")) {
  const figures = [...document.getElementById(form.dataset.choose).children];
  const select = form.querySelector("select");
  const apply = () => figures.forEach((figure, at) => { figure.hidden = at !== Number(select.value); });
  select.addEventListener("input", apply);
  addEventListener("pageshow", apply);
  // On paper nothing can be chosen: all are there.
  addEventListener("beforeprint", () => figures.forEach((figure) => { figure.hidden = false; }));
  addEventListener("afterprint", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = figures.length < 2;
  apply();
}
