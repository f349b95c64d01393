"use strict";
const make = (name, attributes = {}, text = "") => {
  const element = document.createElement(name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.append(text);
  return element;
};
// What a screen reader is to say.
const spoken = make("div", { class: "unseen", role: "status" });
document.body.append(spoken);
const say = (text) => (spoken.textContent = text);

// Tables: sort by a click on a heading; filter and unfold where there are many rows.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const shown = Number(table.dataset.shown || Infinity);
  const heads = [...table.tHead.rows[0].cells];
  const refold = () => [...body.rows].forEach((row, at) => row.classList.toggle("more", at >= shown));
  heads.forEach((head, column) => {
    if (head.textContent.trim() === "") return;
    const isNumber = [...body.rows].some((row) => row.cells[column]?.dataset.v !== undefined);
    const button = make("button", { type: "button" });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = isNumber ? "descending" : "ascending";
      const other = isNumber ? "ascending" : "descending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = (row) => {
        const cell = row.cells[column];
        return isNumber ? Number(cell?.dataset.v ?? NaN) : cell?.textContent ?? "";
      };
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (!isNumber) return sign * x.localeCompare(y, undefined, { numeric: true });
        // What has no number stands last.
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
        return sign * (x - y);
      };
      body.append(...[...body.rows].sort(compare));
      refold();
      say(`sorted by ${button.textContent}, ${order}`);
    });
  });
  if (body.rows.length <= shown) continue;
  const tools = make("div", { class: "tools" });
  const filter = make("input", { type: "search", placeholder: "Find by name", "aria-label": "Find rows by name" });
  const button = make("button", { type: "button" });
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

// Charts: values beside the pointer, or by the arrow keys; a part of the horizontal axis, by wheel, drag, buttons or keys.
const tip = make("div", { id: "tip", "aria-hidden": "true" });
tip.hidden = true;
document.body.append(tip);
const SVG = "http://www.w3.org/2000/svg";
const shape = (name, attributes, text = "") => {
  const element = document.createElementNS(SVG, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.append(text);
  return element;
};

// A value on an axis with its unit, in as many digits as steps of `step` need.
const written = (kind, x, step) => {
  const digits = (factor) => Math.min(9, Math.max(0, -Math.floor(Math.log10(step * factor) + 1e-9)));
  const number = (factor) => (x * factor).toLocaleString("en", { minimumFractionDigits: digits(factor), maximumFractionDigits: digits(factor) });
  if (kind === "usd") return `$${number(1)}`;
  if (kind === "ratio") return `${number(100)} %`;
  if (kind === "count") return number(1);
  if (x === 0) return "0 s";
  if (kind === "time" && step >= 1) {
    const parts = [[86400, " d"], [3600, " h"], [60, " min"], [1, " s"]];
    let left = Math.round(x);
    const said = parts.map(([size, unit]) => { const n = Math.floor(left / size); left -= n * size; return n ? `${n}${unit}` : ""; });
    return said.filter((part) => part).join(" ");
  }
  const [factor, unit] = x < 1e-6 ? [1e9, "ns"] : x < 1e-3 ? [1e6, "µs"] : x < 1 ? [1e3, "ms"] : [1, "s"];
  return `${number(factor)} ${unit}`;
};
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000, 604800];
// Round values from `lo` to `hi`, with their labels.
const ticks = (kind, isLog, lo, hi) => {
  if (isLog && hi / lo > 5) {
    const few = hi / lo > 1e3 ? [1] : [1, 2, 5];
    const all = [];
    for (let decade = Math.floor(Math.log10(lo)); decade <= Math.ceil(Math.log10(hi)); decade += 1) {
      for (const digit of few) all.push([digit * 10 ** decade, 10 ** decade]);
    }
    return all.filter(([x]) => x >= lo && x <= hi).map(([x, step]) => [x, written(kind, x, step)]);
  }
  const rough = (hi - lo) / 7;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= rough);
  const step = (kind === "time" && rough > 0.5 && TIMES.find((step) => step >= rough)) || nice;
  const all = [];
  for (let n = Math.ceil(lo / step); n * step <= hi; n += 1) all.push([n * step, written(kind, n * step, step)]);
  return all;
};

// The part of the horizontal axis that is shown, from 0 to 1, and everything that moves with it.
const zoomable = (svg, axis, changed) => {
  const { left, right, lo, hi, log, kind, panels, title } = axis.dataset;
  const [from, to] = [Number(left), Number(right)];
  const [low, high] = [Number(lo), Number(hi)];
  const whole = axis.innerHTML;
  const frames = panels.split(" ").map(Number);
  const value = (share) => (log === "true" ? low * (high / low) ** share : low + (high - low) * share);
  const share = (x) => (log === "true" ? Math.log(x / low) / Math.log(high / low) : (x - low) / (high - low));
  const windows = [...svg.querySelectorAll("svg.marks")];
  let part = [0, 1];
  const place = (x) => from + ((x - from) / (to - from) - part[0]) / (part[1] - part[0]) * (to - from);

  // How each element is moved: from its attributes as they were drawn.
  const movers = [];
  const numbers = (element, ...names) => names.map((name) => Number(element.getAttribute(name)));
  const collect = (element) => {
    if (element.dataset.x !== undefined) {
      const x = Number(element.dataset.x);
      movers.push(() => element.setAttribute("transform", `translate(${place(x) - x} 0)`));
    } else if (element.hasAttribute("points")) {
      const points = element.getAttribute("points").trim().split(/\s+/).map((pair) => pair.split(",").map(Number));
      movers.push(() => element.setAttribute("points", points.map(([x, y]) => `${place(x).toFixed(1)},${y}`).join(" ")));
    } else if (element.tagName === "rect") {
      const [x, width] = numbers(element, "x", "width");
      movers.push(() => { element.setAttribute("x", place(x)); element.setAttribute("width", place(x + width) - place(x)); });
    } else if (element.tagName === "line") {
      const [a, b] = numbers(element, "x1", "x2");
      movers.push(() => { element.setAttribute("x1", place(a)); element.setAttribute("x2", place(b)); });
    } else if (element.tagName === "circle") {
      const [x] = numbers(element, "cx");
      movers.push(() => element.setAttribute("cx", place(x)));
    } else for (const child of element.children) collect(child);
  };
  for (const view of windows) for (const child of view.children) collect(child);
  for (const rect of svg.querySelectorAll(".tips rect")) {
    const [x, width] = numbers(rect, "x", "width");
    movers.push(() => {
      const [a, b] = [Math.max(from, place(x)), Math.min(to, place(x + width))];
      rect.style.display = b > a ? "" : "none";
      if (b > a) { rect.setAttribute("x", a); rect.setAttribute("width", b - a); }
    });
  }
  const relabel = () => {
    if (part[0] === 0 && part[1] === 1) { axis.innerHTML = whole; return; }
    const bottom = frames[frames.length - 1];
    const text = (x, y, words, fill) => shape("text", { x, y, fill, "text-anchor": "middle", "font-size": 52, dy: "0.35em" }, words);
    axis.replaceChildren();
    for (const [x, label] of ticks(kind, log === "true", value(part[0]), value(part[1]))) {
      const at = place(from + share(x) * (to - from));
      for (let n = 0; n < frames.length; n += 2) axis.append(shape("line", { x1: at, x2: at, y1: frames[n], y2: frames[n + 1], stroke: "#DDDDDD", "stroke-width": 4 }));
      axis.append(shape("line", { x1: at, x2: at, y1: bottom, y2: bottom + 16, stroke: "#595959", "stroke-width": 4 }), text(at, bottom + 56, label, "#595959"));
    }
    axis.append(text((from + to) / 2, bottom + 136, title.replace(/ \([^()]*\)$/, ""), "#1A1A1A"));
  };
  return {
    from, to,
    get part() { return part; },
    show(a, b) {
      const width = Math.min(1, Math.max(b - a, 1e-3));
      const start = Math.min(Math.max(a, 0), 1 - width);
      part = width > 0.999 ? [0, 1] : [start, start + width];
      for (const view of windows) view.setAttribute("overflow", part[1] - part[0] < 1 ? "hidden" : "visible");
      for (const move of movers) move();
      relabel();
      changed(part);
      const ends = part.map((end) => written(kind, value(end), (value(part[1]) - value(part[0])) / 100));
      say(part[1] - part[0] < 1 ? `shown: ${ends[0]} to ${ends[1]}` : "all is shown");
    },
    // Shows `factor` times as much, with what is at `share` of the width in its place.
    scale(factor, share = 0.5) {
      const width = part[1] - part[0];
      const fixed = part[0] + share * width;
      this.show(fixed - share * width * factor, fixed + (1 - share) * width * factor);
    },
  };
};

const boxes = [...document.querySelectorAll("figure .scroll")];
for (const box of boxes) {
  const svg = box.querySelector("svg");
  if (!svg) continue;
  const isPhone = box.parentElement.classList.contains("phone");
  const name = svg.querySelector("title")?.textContent ?? "chart";
  const texts = new Map();
  for (const rect of svg.querySelectorAll(".tips rect")) {
    const title = rect.querySelector("title");
    texts.set(rect, title.textContent);
    // An empty title keeps the browser from showing the title of the whole chart.
    title.textContent = "";
  }
  const rects = [...texts.keys()];
  let current = null;
  const show = (rect, x, y) => {
    current?.classList.remove("at");
    current = rect;
    tip.hidden = !rect;
    if (!rect) return;
    rect.classList.add("at");
    tip.textContent = texts.get(rect);
    const isRight = x + 16 + tip.offsetWidth > innerWidth;
    tip.style.left = `${isRight ? Math.max(4, x - 12 - tip.offsetWidth) : x + 16}px`;
    tip.style.top = `${Math.max(4, Math.min(y + 12, innerHeight - tip.offsetHeight - 4))}px`;
  };
  const axis = svg.querySelector(".x-axis");
  let reset;
  const zoom = axis && axis.dataset.kind !== "words" && rects.length > 0 && zoomable(svg, axis, ([a, b]) => { reset.disabled = b - a === 1; show(null); });

  // The pointer.
  let drag = null;
  const at = (event) => {
    const bounds = svg.getBoundingClientRect();
    return (event.clientX - bounds.left) / bounds.width * svg.viewBox.baseVal.width;
  };
  const inside = (x) => Math.min(zoom.to, Math.max(zoom.from, x));
  svg.addEventListener("pointermove", (event) => {
    if (drag) {
      const [a, b] = [drag.x, inside(at(event))].sort((x, y) => x - y);
      drag.rect.setAttribute("x", a);
      drag.rect.setAttribute("width", b - a);
    }
    show(texts.has(event.target) ? event.target : null, event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", () => show(null));
  const drop = () => { drag?.rect.remove(); drag = null; };
  if (zoom) {
    const share = (x) => (x - zoom.from) / (zoom.to - zoom.from);
    svg.addEventListener("pointerdown", (event) => {
      const x = at(event);
      if (event.pointerType !== "mouse" || event.button !== 0 || x !== inside(x)) return;
      event.preventDefault();
      box.focus({ preventScroll: true });
      const frames = axis.dataset.panels.split(" ").map(Number);
      const rect = shape("rect", { class: "select", x, y: frames[0], width: 0, height: frames[frames.length - 1] - frames[0] });
      svg.append(rect);
      drag = { x, rect };
    });
    addEventListener("pointerup", (event) => {
      if (!drag) return;
      const [a, b] = [drag.x, inside(at(event))].sort((x, y) => x - y).map(share);
      drop();
      const [start, end] = zoom.part;
      if (b - a > 0.01) zoom.show(start + a * (end - start), start + b * (end - start));
    });
    svg.addEventListener("dblclick", () => zoom.show(0, 1));
    // Without a modifier the wheel scrolls the page. Pinching comes as a wheel with Ctrl.
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.altKey && !event.metaKey) return;
      event.preventDefault();
      zoom.scale(event.deltaY > 0 ? 1.25 : 0.8, share(inside(at(event))));
    }, { passive: false });
    const button = (words, label, act) => {
      const made = make("button", { type: "button", "aria-label": label, title: label }, words);
      made.addEventListener("click", act);
      return made;
    };
    const tools = make("div", { class: "tools zoom", role: "group", "aria-label": `Zoom: ${name}` });
    reset = button("Show all", "Show all of the axis", () => zoom.show(0, 1));
    reset.disabled = true;
    tools.append(
      ...(isPhone ? [] : [make("span", { "aria-hidden": "true" }, "Drag to zoom")]),
      button("−", "Zoom out", () => zoom.scale(2)),
      button("+", "Zoom in", () => zoom.scale(0.5)),
      reset,
    );
    box.after(tools);
  }

  // The keyboard.
  if (rects.length === 0) continue;
  const keys = zoom ? "Arrow keys read values. Plus and minus zoom, Shift with an arrow moves, 0 shows all." : "Arrow keys read values.";
  box.setAttribute("role", "application");
  box.setAttribute("aria-label", `Chart: ${name}`);
  box.setAttribute("aria-roledescription", "chart");
  const hint = make("p", { class: "unseen", id: `keys-${boxes.indexOf(box)}` }, keys);
  box.after(hint);
  box.setAttribute("aria-describedby", hint.id);
  const step = (by) => {
    const visible = rects.filter((rect) => rect.style.display !== "none");
    const now = visible.indexOf(current);
    const next = now < 0 ? (by > 0 ? 0 : visible.length - 1) : Math.min(visible.length - 1, Math.max(0, now + by));
    const rect = visible[next];
    if (!rect) return;
    const bounds = rect.getBoundingClientRect();
    const view = box.getBoundingClientRect();
    if (bounds.left < view.left || bounds.right > view.right) box.scrollLeft += bounds.left - view.left - view.width / 2;
    const now_at = rect.getBoundingClientRect();
    const middle = now_at.width > 0.8 * view.width ? now_at.left + 0.5 * view.width : now_at.left + now_at.width / 2;
    show(rect, middle, now_at.top + Math.min(now_at.height / 2, 40));
    say(texts.get(rect));
  };
  const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
  box.addEventListener("keydown", (event) => {
    if (event.target !== box || event.ctrlKey || event.altKey || event.metaKey) return;
    const [a, b] = zoom ? zoom.part : [0, 1];
    const by = moves[event.key];
    if (event.key === "Escape") { drop(); show(null); }
    else if (zoom && event.shiftKey && by && Math.abs(by) === 1) zoom.show(a + by * 0.25 * (b - a), b + by * 0.25 * (b - a));
    else if (by) step(by);
    else if (zoom && (event.key === "+" || event.key === "=")) zoom.scale(0.5);
    else if (zoom && (event.key === "-" || event.key === "_")) zoom.scale(2);
    else if (zoom && event.key === "0") zoom.show(0, 1);
    else return;
    event.preventDefault();
  });
  box.addEventListener("blur", () => show(null));
}

// On paper everything is shown.
const folded = [];
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) { details.open = true; folded.push(details); }
});
addEventListener("afterprint", () => { for (const details of folded.splice(0)) details.open = false; });
