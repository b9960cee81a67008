// Pointing, marking and sorting. The page reads the same without it: charts are drawn when the report is written.
(() => {
  const trials = JSON.parse(document.getElementById("trials-data").textContent);
  const tip = document.getElementById("tip");
  let pinned = null;

  const marksOf = (trial) =>
    document.querySelectorAll(`.mark[data-trial="${trial}"], tr[data-trial="${trial}"]`);

  function setClass(trial, name, on) {
    if (trial === null) return;
    for (const mark of marksOf(trial)) mark.classList.toggle(name, on);
  }

  function pin(trial) {
    setClass(pinned, "pinned", false);
    pinned = pinned === trial ? null : trial;
    setClass(pinned, "pinned", true);
    document.body.classList.toggle("has-pin", pinned !== null);
    for (const button of document.querySelectorAll("[data-pick]")) {
      button.setAttribute("aria-pressed", String(button.dataset.pick === pinned));
    }
  }

  const centre = (dot) => ({ x: Number(dot.getAttribute("cx")), y: Number(dot.getAttribute("cy")) });

  function nearestVertex(path, event) {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(path.getScreenCTM().inverse());
    const numbers = (path.getAttribute("d").match(/-?\d+(\.\d+)?/g) ?? []).map(Number);
    let best = null;
    for (let i = 0; i + 1 < numbers.length; i += 2) {
      const distance = Math.abs(numbers[i] - place.x);
      if (!best || distance < best.distance) best = { distance, x: numbers[i], y: numbers[i + 1] };
    }
    return best;
  }

  /** Value and step of the vertex nearest to the pointer, read back from the drawn line. */
  function nearest(target, event) {
    const svg = target.closest("svg[data-x]");
    if (!svg?.dataset.chart.startsWith("curves-")) return null;
    const best = target.tagName === "circle" ? centre(target) : nearestVertex(target, event);
    if (!best) return null;
    const [xDomain, xRange] = JSON.parse(svg.dataset.x);
    const [yDomain, yRange, log] = JSON.parse(svg.dataset.y);
    const share = (best.y - yRange[0]) / (yRange[1] - yRange[0]);
    return {
      step: Math.round(
        xDomain[0] + ((best.x - xRange[0]) / (xRange[1] - xRange[0])) * (xDomain[1] - xDomain[0]),
      ),
      value: log
        ? yDomain[0] * (yDomain[1] / yDomain[0]) ** share
        : yDomain[0] + share * (yDomain[1] - yDomain[0]),
    };
  }

  const element = (tag, text) => {
    const node = document.createElement(tag);
    node.textContent = text;
    return node;
  };

  function showTip(trial, at, event) {
    const known = trials[trial];
    if (!known) return;
    const list = document.createElement("dl");
    const lines = at
      ? [[`at step ${at.step}`, String(Number(at.value.toPrecision(4)))], ...known.lines]
      : known.lines;
    for (const [label, value] of lines) list.append(element("dt", label), element("dd", value));
    tip.replaceChildren(element("b", known.title), list, element("p", known.ended));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 16, innerWidth - box.width - 8);
    const below = event.clientY + 18;
    const top = below + box.height > innerHeight ? event.clientY - box.height - 12 : below;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, top)}px`;
  }

  let hovered = null;
  function hover(trial) {
    if (trial === hovered) return;
    setClass(hovered, "hover", false);
    hovered = trial;
    setClass(hovered, "hover", true);
  }

  document.addEventListener("pointermove", (event) => {
    const target = event.target instanceof Element ? event.target.closest(".plot [data-trial]") : null;
    hover(target ? target.dataset.trial : null);
    if (target) showTip(target.dataset.trial, nearest(target, event), event);
    else tip.hidden = true;
  });

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const sort = event.target.closest(".sort");
    if (sort) sortBy(sort.closest("th"));
    const copy = event.target.closest(".copy");
    if (copy) copyText(copy);
    const marked = event.target.closest("[data-trial]");
    if (marked) pin(marked.dataset.trial);
    else if (pinned !== null && event.target.closest(".chart")) pin(pinned);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && pinned !== null) pin(pinned);
  });

  function sortBy(heading) {
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentElement.children) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const column = heading.cellIndex;
    const body = heading.closest("table").tBodies[0];
    const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      const [p, q] = [Number(x), Number(y)];
      // Cells without a value stay at the end either way.
      if (x === "–" || y === "–") return Number(x === "–") - Number(y === "–");
      const order = Number.isNaN(p) || Number.isNaN(q) ? x.localeCompare(y) : p - q;
      return descending ? -order : order;
    });
    body.append(...rows);
  }

  function copyText(button) {
    navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent).then(
      () => {
        button.textContent = "Copied";
      },
      () => {
        button.textContent = "Select and copy";
      },
    );
  }
  if (navigator.clipboard) for (const button of document.querySelectorAll(".copy")) button.hidden = false;
})();
