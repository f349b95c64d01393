"use strict";
// Tables: sort by a click on a heading; filter and unfold where there are many rows.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const shown = Number(table.dataset.shown);
  const heads = [...table.tHead.rows[0].cells];
  const refold = () => [...body.rows].forEach((row, at) => row.classList.toggle("more", at >= shown));
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = column === 0 ? "ascending" : "descending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = (row) => {
        const cell = row.cells[column];
        return column === 0 ? cell.textContent : cell.dataset.v === undefined ? NaN : Number(cell.dataset.v);
      };
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (column === 0) return sign * x.localeCompare(y, undefined, { numeric: true });
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
        return sign * (x - y);
      };
      body.append(...[...body.rows].sort(compare));
      refold();
    });
  });
  if (body.rows.length > shown) {
    const tools = document.createElement("div");
    tools.className = "tools";
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "Find by name";
    filter.setAttribute("aria-label", "Find rows by name");
    const button = document.createElement("button");
    button.type = "button";
    const label = () => (button.textContent = table.classList.contains("all") ? `Show the first ${shown}` : `Show all ${body.rows.length}`);
    button.addEventListener("click", () => { table.classList.toggle("all"); label(); });
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      for (const row of body.rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      table.classList.toggle("all", wanted !== "");
      label();
    });
    label();
    tools.append(filter, button);
    table.parentElement.before(tools);
  }
}
// Charts: what a strip says, beside the pointer and at once. Without this script the browser shows it after a moment.
const tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");
document.body.append(tip);
for (const rect of document.querySelectorAll(".tips rect")) {
  const title = rect.querySelector("title");
  const text = title.textContent;
  title.remove();
  // An empty title keeps the browser from showing the title of the whole chart.
  rect.append(document.createElementNS("http://www.w3.org/2000/svg", "title"));
  const show = (event) => {
    tip.textContent = text;
    tip.hidden = false;
    const right = event.clientX + 16 + tip.offsetWidth > innerWidth;
    tip.style.left = `${right ? Math.max(4, event.clientX - 12 - tip.offsetWidth) : event.clientX + 16}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + 12, innerHeight - tip.offsetHeight - 4))}px`;
  };
  rect.addEventListener("pointerenter", show);
  rect.addEventListener("pointermove", show);
  rect.addEventListener("pointerleave", () => (tip.hidden = true));
}
