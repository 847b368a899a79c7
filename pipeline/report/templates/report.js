"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  // Theme: what the system says, until the reader chooses. Storage may be closed to files; then the choice is for now.
  const theme = byId("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const show = () => theme.setAttribute("aria-pressed", String(dark()));
  try { const kept = localStorage.getItem("plumbline-theme"); if (kept === "dark" || kept === "light") root.dataset.theme = kept; } catch { /* closed */ }
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("plumbline-theme", root.dataset.theme); } catch { /* closed */ }
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();

  // Values under the pointer, from the marks' data-tip; as text, never as markup.
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

  // Finding features.
  const list = byId("list");
  if (list) {
    const rows = [...list.children], find = byId("find"), moved = byId("moved"), open = byId("open"), count = byId("count");
    document.querySelector(".tools").hidden = false;
    const filter = () => {
      const words = find.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !(row.dataset.name.includes(words) && (!moved.checked || "drifted" in row.dataset));
        shown += !row.hidden;
      }
      count.textContent = shown === rows.length ? `${rows.length} features` : `${shown} of ${rows.length} features`;
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

  // On paper nothing can be opened: what drifted is printed in full.
  addEventListener("beforeprint", () => {
    for (const row of document.querySelectorAll("details[data-drifted], details.plain")) row.open = true;
  });
})();
