"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const kept = (name, value) => {
    try { if (value !== undefined) localStorage.setItem(name, value); return localStorage.getItem(name); } catch { return null; }
  };

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
    byId("tip").hidden = true;
  };
  setInterval(again, seconds * 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) again(); });
})();
