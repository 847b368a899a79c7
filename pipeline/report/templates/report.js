"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  // Search and filter of the columns. "(rows)" and "(columns)" are about the whole table and are not counted.
  const list = byId("list");
  if (list) {
    const rows = [...list.children], find = byId("find"), moved = byId("moved"), open = byId("open"), count = byId("count");
    document.querySelector(".tools").hidden = false;
    const filter = () => {
      const words = find.value.trim().toLowerCase();
      let shown = 0, counted = 0;
      for (const row of rows) {
        row.hidden = !(row.dataset.name.includes(words) && (!moved.checked || "drifted" in row.dataset));
        shown += !row.hidden;
        counted += !row.hidden && !("table" in row.dataset);
      }
      const columns = rows.filter((row) => !("table" in row.dataset)).length;
      count.textContent = shown === rows.length ? `${columns} columns` : `${counted} of ${columns} columns`;
      byId("none").hidden = shown > 0;
    };
    find.addEventListener("input", filter);
    moved.addEventListener("change", filter);
    open.addEventListener("click", () => {
      const every = rows.filter((row) => !row.hidden), closed = every.some((row) => !row.open);
      for (const row of every) row.open = closed;
      open.textContent = closed ? "Close all" : "Open all";
    });
  }

  // Drifted columns are printed in full, since a printed page cannot be opened.
  addEventListener("beforeprint", () => {
    for (const row of document.querySelectorAll("details[data-drifted], details.plain")) row.open = true;
  });
})();
