"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  // The theme follows the system until the reader chooses one. Browsers may deny storage to local files; the choice is
  // then not kept.
  const theme = byId("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const show = () => theme.setAttribute("aria-pressed", String(dark()));
  try { const kept = localStorage.getItem("plumbline-theme"); if (kept === "dark" || kept === "light") root.dataset.theme = kept; } catch { /* storage denied */ }
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("plumbline-theme", root.dataset.theme); } catch { /* storage denied */ }
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();

  // Tooltips: the attribute data-tip of the mark under the pointer, as text, never as markup.
  const tip = byId("tip");
  document.addEventListener("pointermove", (event) => {
    const mark = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.getAttribute("data-tip");
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 8))}px`;
    tip.style.top = `${event.clientY + 16 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 16}px`;
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

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
