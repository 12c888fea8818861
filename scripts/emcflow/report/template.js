"use strict";
const element = (id) => document.getElementById(id);

async function start() {
  const data = JSON.parse(element("explorer-data").textContent);
  document.querySelectorAll("table.sorts").forEach(sortable);
  if (!("DecompressionStream" in window)) return;
  element("explorer").hidden = element("pair-list").hidden = false;
  element("too-old").hidden = true;
  const points = data.points && await Points.of(data);
  const explorer = new Explorer(data, new Layers(data), points);
  new PairList(explorer);
  await explorer.show();
  document.documentElement.dataset.ready = "yes";
}

window.addEventListener("load", start);
