"use strict";
const element = (id) => document.getElementById(id);

async function start() {
  const data = JSON.parse(element("explorer-data").textContent);
  document.querySelectorAll("table.sorts").forEach(sortable);
  window.addEventListener("hashchange", openTable);
  openTable();
  if (!("DecompressionStream" in window)) return;
  element("explorer").hidden = element("pair-list").hidden = false;
  element("too-old").hidden = true;
  const points = data.points && await Points.of(data);
  const explorer = new Explorer(data, new Layers(data), points);
  const list = new PairList(explorer);
  await explorer.show();
  document.documentElement.dataset.ready = "yes";
  await list.drawAll();
}

window.addEventListener("load", start);
