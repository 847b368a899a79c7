"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const kept = (name, value) => {
    try { if (value !== undefined) localStorage.setItem(name, value); return localStorage.getItem(name); } catch { return null; }
  };

  // The theme follows the system until the reader chooses one.
  const theme = byId("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const show = () => theme.setAttribute("aria-pressed", String(dark()));
  const chosen = kept("plumbline-theme");
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    kept("plumbline-theme", root.dataset.theme);
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

  // A server's page is fetched again while it is visible. Rows that are open stay open; while a reader types, or has
  // opened a form, nothing changes.
  const seconds = Number(document.body.dataset.refresh);
  const refresh = byId("refresh");
  if (!seconds || !refresh) return;
  let on = kept("plumbline-refresh") !== "off";
  const pressed = () => refresh.setAttribute("aria-pressed", String(on));
  refresh.hidden = false;
  refresh.addEventListener("click", () => { on = !on; kept("plumbline-refresh", on ? "on" : "off"); pressed(); });
  pressed();
  const busy = () => document.hidden || document.querySelector("details.action[open]") || ["INPUT", "SELECT"].includes(document.activeElement?.tagName);
  const again = async () => {
    if (!on || busy()) return;
    let text;
    try {
      const answer = await fetch(location.href.split("#")[0], { credentials: "same-origin", cache: "no-store" });
      if (answer.redirected) { location.reload(); return; }
      if (!answer.ok) return;
      text = await answer.text();
    } catch { return; }  // the server is away; the page stays as it is
    if (!on || busy()) return;
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
    const main = byId("main");
    if (!fresh || !main) return;
    for (const open of main.querySelectorAll("details[open][id]")) {
      const same = fresh.querySelector(`#${CSS.escape(open.id)}`);
      if (same) same.open = true;
    }
    const focus = document.activeElement?.closest("[id]");
    const inSummary = document.activeElement?.tagName === "SUMMARY";
    main.replaceChildren(...fresh.childNodes);
    if (focus && main.contains(byId(focus.id)) && focus.id !== "main") (inSummary ? byId(focus.id).querySelector("summary") : byId(focus.id))?.focus({ preventScroll: true });
    tip.hidden = true;
  };
  setInterval(again, seconds * 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) again(); });
})();
