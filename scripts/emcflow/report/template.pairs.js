// The list of interferograms: small pictures, a filter over dates, the table of their numbers.

class PairList {
  constructor(explorer) {
    this.explorer = explorer;
    this.pairs = explorer.data.pairs;
    this.buttons = this.pairs.map((pair, number) => this.button(pair, number));
    element("thumbs").append(...this.buttons);
    const dates = explorer.data.scene.dates;
    element("from-date").append(...dates.map((date) => new Option(day(date), date)));
    element("to-date").append(...dates.map((date) => new Option(day(date), date)));
    element("to-date").value = dates[dates.length - 1];
    for (const id of ["from-date", "to-date", "with-date", "only-suspect"]) {
      element(id).addEventListener("input", () => this.filter());
    }
    element("with-date").append(...dates.map((date) => new Option(day(date), date)));
    document.addEventListener("pair-shown", (event) => this.mark(event.detail));
    document.querySelectorAll("tr[data-pair]").forEach((row) => this.open(row));
    this.filter();
    this.mark(explorer.state.pair);
  }

  button(pair, number) {
    const button = document.createElement("button"), facts = document.createElement("small");
    button.type = "button";
    button.className = "pair";
    button.id = `pair-${pair.name}`;
    button.classList.toggle("suspect", pair.suspect);
    const both = document.createElement("span");
    both.className = "both";
    both.append(...["wrapped", "unwrapped"].map(() => document.createElement("canvas")));
    const title = document.createElement("span");
    title.append(...pair.title.split(/(?<= )/).map((word) => Object.assign(
      document.createElement("span"), { className: "whole", textContent: word })));
    facts.textContent = pair.suspect ? `suspect: ${pair.reasons} · ${pair.facts}` : pair.facts;
    button.append(both, title, document.createElement("br"), facts);
    button.addEventListener("click", () => {
      this.explorer.showPair(number);
      element("map").scrollIntoView({ block: "center" });
    });
    return button;
  }

  // Draw all, one after the other, so that the page answers meanwhile.
  async drawAll() {
    for (let number = 0; number < this.pairs.length; number++) {
      await this.draw(number);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  async draw(number) {
    const screens = this.buttons[number].querySelectorAll("canvas");
    for (const [i, name] of ["wrapped", "unwrapped"].entries()) {
      const picture = await this.explorer.layers.paint(`${name}@${number}`);
      const width = Math.min(picture.width, 160);
      screens[i].width = width;
      screens[i].height = Math.max(1, Math.round(width * picture.height / picture.width));
      screens[i].getContext("2d").drawImage(picture, 0, 0, screens[i].width, screens[i].height);
      screens[i].dataset.drawn = name;
    }
  }

  mark(number) {
    this.buttons.forEach((button, i) => {
      if (i === number) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
  }

  filter() {
    const [from, to, date] = ["from-date", "to-date", "with-date"].map((id) => element(id).value);
    const only = element("only-suspect").checked;
    let seen = 0;
    this.pairs.forEach((pair, i) => {
      const [first, second] = pair.name.split("_");
      const shown = first >= from && second <= to && (!date || first === date || second === date) && (!only || pair.suspect);
      this.buttons[i].hidden = !shown;
      seen += shown;
    });
    element("pairs-seen").textContent = `${seen} of ${this.pairs.length} interferograms`;
  }

  // The first cell of a row of the table opens its pair.
  open(row) {
    const number = this.pairs.findIndex((pair) => pair.name === row.dataset.pair);
    row.querySelector("button").addEventListener("click", () => {
      this.explorer.showPair(number);
      element("map").scrollIntoView({ block: "center" });
    });
  }
}

// A link to the folded table opens it, at the first suspect.
function openTable() {
  if (location.hash !== "#pair-table") return;
  element("pair-table").open = true;
  (document.querySelector("tr.suspect") || element("pair-table")).scrollIntoView({ block: "center" });
}

// Tables that are sorted by a click on the head of a column.
function sortable(table) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead button").forEach((button, column) => button.addEventListener("click", () => {
    const head = button.parentElement, up = head.getAttribute("aria-sort") === "descending";
    table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => sortKey(row.cells[column].textContent);
    const rows = [...body.rows].map((row) => [key(row), row]).sort(([a], [b]) => compare(a, b) * (up ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  }));
}

function sortKey(text) {
  const plain = text.trim().replaceAll("\u00a0", "").replaceAll(",", "").replace("−", "-").replace(/^[<>]/, "");
  const number = plain.endsWith("%") ? Number(plain.slice(0, -1)) : Number(plain);
  return plain === "" || plain === "–" ? "" : Number.isNaN(number) ? plain : number;
}

function compare(a, b) {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? 1 : -1;  // what is known above what is not
}
