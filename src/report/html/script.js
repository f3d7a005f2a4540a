"use strict";
// An extra for long reports: without it the page is complete, only not sortable.
(() => {
  const table = document.getElementById("contacts");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const texts = new Map(rows.map((row) => [row, [...row.cells].map((cell) => cell.textContent.trim())]));
  const order = new Intl.Collator("en", { numeric: true });
  table.querySelectorAll("thead th").forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th").forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sign = down ? -1 : 1;
      rows.sort((a, b) => sign * order.compare(texts.get(a)[i], texts.get(b)[i]));
      // All at once: row by row, ten thousand take seconds.
      body.replaceChildren(...rows);
    });
  });
  const tools = document.getElementById("tools");
  const input = tools.querySelector("input");
  const shown = tools.querySelector("output");
  tools.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const row of rows) {
      const text = texts.get(row).join(" ").toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      n += row.hidden ? 0 : 1;
    }
    shown.textContent = n + " of " + rows.length;
  });
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", open);
  addEventListener("beforeprint", () => {
    if (rows.length <= 200) document.querySelectorAll("details.finding").forEach((d) => (d.open = true));
  });
  open();
})();
