// What pages do besides being links and forms: they keep themselves current, and they
// answer keys. It needs htmx for morphing only. Nothing is evaluated.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const served = document.title;

  // What the reader has opened or chosen survives a morph.
  htmx.registerExtension("fixpoint", {
    htmx_before_morph_attr: (element, { attrName }) => !(attrName === "open" && element.matches("details, dialog")),
    htmx_before_morph_node: (element) => !element.matches("[data-keep]"),
  });

  // Ages are written on the server once (view.Age), and again here; the two are the same.
  const units = [[60, "s"], [3600, "m"], [36000, "h", 60, "m"], [86400, "h"], [864000, "d", 3600, "h"], [31536000, "d"], [Infinity, "y", 86400, "d"]];
  const size = { s: 1, m: 60, h: 3600, d: 86400, y: 31536000 };
  function age(then) {
    const s = Math.max(0, Math.floor((Date.now() - skew - then) / 1000));
    const [, big, rest, small] = units.find((u) => s < u[0]);
    const left = Math.floor((s % size[big]) / (rest || Infinity));
    return Math.floor(s / size[big]) + big + (left ? left + small : "");
  }
  // How far this machine's clock is ahead of the server's.
  const skew = Date.now() - Date.parse($("#live")?.dataset.now || new Date().toISOString());
  // An SVG has no element for times: there data-t has them.
  function ages(root = document) {
    for (const t of $$("time[datetime]:not([data-fixed]), [data-t]", root)) {
      const text = age(Date.parse(t.dateTime ?? t.dataset.t));
      if (t.textContent !== text) t.textContent = text;
    }
  }
  setInterval(ages, 5000);

  // Where there is no room for all of a navigation, what the page is can be seen.
  function showCurrent() {
    for (const at of $$(":is(.nav, .tabs) [aria-current]")) {
      const strip = at.closest(".nav, .tabs");
      strip.scrollLeft += at.getBoundingClientRect().right - strip.getBoundingClientRect().right + at.offsetWidth / 2;
    }
  }

  // What is cut is whole for whoever points at it.
  document.addEventListener("pointerover", ({ target }) => {
    const at = target.closest?.("td, th, .sub, .subject, .byline, .repo, .why, .option-text");
    if (at && !at.title && at.scrollWidth > at.clientWidth + 1) at.title = at.textContent.trim().replace(/\s+/g, " ");
  });

  // The stream of this page's live regions. It is closed while nobody looks, and where
  // too many windows have one; such a window asks every ten seconds what has changed.
  const live = { source: null, page: "", have: new Map(), tries: 0, timer: 0 };
  const varied = (ms) => ms * (0.75 + Math.random() / 2);
  const banner = $("#connection");

  function say(text, link) {
    if (!banner) return;
    banner.replaceChildren(text);
    if (link) {
      const a = document.createElement("a");
      a.href = link.href;
      a.textContent = link.text;
      banner.append(" ", a);
    }
    banner.hidden = !text;
  }

  function follow() {
    const at = $("#live");
    const page = at?.dataset.page || "";
    if (at?.dataset.have !== undefined && page !== live.page) {
      live.have = new Map(at.dataset.have.split(",").map((p) => p.split(":")));
    }
    if (page === live.page && live.source) return;
    live.page = page;
    connect();
  }

  function close() {
    clearTimeout(live.timer);
    live.source?.close();
    live.source = null;
  }

  // leave is close for as long as nobody looks.
  function leave() {
    close();
    fixpointStreams.leave();
    if (live.page && document.hidden) glanceLater();
  }

  function connect() {
    close();
    clearTimeout(glances);
    if (!live.page || document.hidden) return leave();
    const have = [...live.have].map((p) => p.join(":")).join(",");
    const query = new URLSearchParams({ page: live.page, have });
    const once = !fixpointStreams.enter(connect);
    if (once) query.set("once", "1");
    const source = new EventSource("/live?" + query);
    live.source = source;
    source.onopen = () => { live.tries = 0; say(""); if (unheard) tab(); unheard = false; };
    source.addEventListener("done", () => {
      close();
      live.timer = setTimeout(() => { live.timer = fixpointStreams.recount(connect); }, varied(10000));
    });
    source.onerror = () => lost(source);
    source.addEventListener("region", (e) => { live.tries = 0; region(e.data); });
    source.addEventListener("item", (e) => {
      const line = e.data.indexOf("\n");
      morph(e.data.slice(0, line), e.data.slice(line + 1));
    });
    source.addEventListener("hash", (e) => hash(e.data));
    source.addEventListener("signed-out", signedOut);
    source.addEventListener("gone", (e) => {
      close();
      fixpointStreams.leave();
      live.page = "";
      if (e.data.trim()) return farewell(e.data);
      say("This is gone, or you may not see it any more.", { href: "/apps", text: "All apps" });
    });
  }

  // What was looked at is gone: its page says so, and nothing else.
  function farewell(html) {
    const main = $("#main");
    delete $("#live").dataset.page;
    htmx.swap({ text: html, target: main, sourceElement: main, swap: "innerHTML", select: null });
    main.focus();
    document.title = $("h1", main).textContent + " · Fixpoint";
  }

  async function lost(source) {
    if (source !== live.source) return;
    const refused = source.readyState === EventSource.CLOSED;
    close();
    if (refused && (await isSignedOut())) return signedOut();
    live.tries++;
    if (live.tries > 1 || refused) say("Connection lost. Trying again…");
    live.timer = setTimeout(connect, varied(Math.min(500 * 2 ** (live.tries - 1), 15000)));
  }

  // A tab that nobody sees asks about once a minute for its title and icon, and for
  // nothing else. If it can't, its title says so.
  let glances = 0, etag = "", unheard = false;

  function glanceLater() {
    clearTimeout(glances);
    glances = setTimeout(glance, varied(60000));
  }

  async function glance() {
    if (!live.page || !document.hidden) return;
    let answer = null;
    try {
      const query = new URLSearchParams({ page: live.page });
      answer = await fetch("/tab?" + query, { headers: { "If-None-Match": etag }, cache: "no-store", signal: AbortSignal.timeout(30000) });
      if (answer.ok) glanced(await answer.json(), answer.headers.get("ETag"));
    } catch {
      answer = null;
    }
    if (!document.hidden) return;
    const why = { 401: "Signed out", 404: "Gone" }[answer?.status];
    if (why) return mistrust(why);
    if (!answer || answer.status >= 500) mistrust("Not connected");
    glanceLater();
  }

  function glanced(now, tag) {
    if (!document.hidden) return;
    [etag, unheard] = [tag, false];
    name(now.title, now.icon);
  }

  function mistrust(why) {
    if (!unheard) document.title = why + ": " + document.title;
    [etag, unheard] = ["", true];
  }

  async function isSignedOut() {
    try {
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store" });
      return answer.status === 401 || answer.type === "opaqueredirect";
    } catch {
      return false;
    }
  }

  function signedOut() {
    close();
    fixpointStreams.leave();
    const back = location.pathname + location.search;
    say("You are signed out.", { href: "/auth/login?return=" + encodeURIComponent(back), text: "Sign in again" });
  }

  function region(data) {
    const line = data.indexOf("\n");
    hash(data.slice(0, line));
    morph(data.slice(0, line).split(" ")[0], data.slice(line + 1));
  }

  function hash(line) {
    live.have.set(...line.split(" "));
  }

  function morph(id, text) {
    const target = document.getElementById(id);
    if (!target) return;
    htmx.swap({ text, target, sourceElement: target, swap: "outerMorph", select: null });
    ages(document.getElementById(id) ?? document);
    document.dispatchEvent(new CustomEvent("fixpoint:region", { detail: { name: id } }));
  }

  document.addEventListener("visibilitychange", connect);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (e) => { if (e.persisted) connect(); });
  addEventListener("online", () => { if (!live.source) connect(); });
  document.addEventListener("htmx:after:swap", () => { asServed(); ages(); follow(); count(); tab(); });

  // What a reader has ticked is no longer what its attribute says: that holds again
  // once the server has answered.
  function asServed() {
    for (const box of $$("[data-server]")) box.checked = box.hasAttribute("checked");
  }

  // Messages go after a while, unless they say that something failed or are looked at.
  function passing(toast) {
    if (!toast.matches?.("[data-toast]:not([data-stay])")) return;
    const go = () => (toast.matches(":hover, :focus-within") ? setTimeout(go, 2000) : toast.remove());
    setTimeout(go, 6000);
  }
  new MutationObserver((changes) => changes.flatMap((c) => [...c.addedNodes]).forEach(passing))
    .observe($("#toasts") ?? document.body, { childList: true });

  // What was done is said once, not again when the page is loaded anew.
  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    here.searchParams.delete("done");
    history.replaceState(history.state, "", here);
  }
  $$("#toasts > *").forEach(passing);

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", "#i-" + name);
    svg.append(use);
    return svg;
  }

  // A message that stays, like those of the server; the same one stands there once.
  function fail(text) {
    const all = $("#toasts");
    if (!all || $$("[data-toast]", all).some((t) => t.dataset.text === text)) return;
    const [toast, head, words, button] = ["div", "p", "b", "button"].map((t) => document.createElement(t));
    toast.className = "toast bad";
    Object.assign(toast.dataset, { toast: "", stay: "", text });
    head.className = "toast-head";
    words.textContent = text;
    button.type = "button";
    button.className = "plain";
    button.dataset.dismiss = "";
    button.setAttribute("aria-label", "Dismiss");
    button.append(icon("close"));
    head.append(icon("offline"), words, button);
    toast.append(head);
    all.append(toast);
  }

  // Requests that did not reach the server are told like those that failed there.
  document.addEventListener("htmx:error", ({ detail: { ctx, error } }) => {
    if (!ctx) return;
    if (error?.name === "AbortError") fail("No answer in time. Look whether it was done before you try again.");
    else if (ctx.request.method !== "GET") fail("Not sent: the connection is lost");
    else if (!live.page) say("The server does not answer. Try again in a moment.");
  });

  document.addEventListener("click", async (e) => {
    const on = (selector) => e.target.closest?.(selector);
    if (on("[data-dismiss]")) on("[data-toast]")?.remove();
    if (on("[data-keys]")) keys();
    if (on("[data-pick]")) {
      e.preventDefault();
      const { pick } = on("[data-pick]").dataset;
      for (const b of boxes("only")) b.checked = pick === "all" || (pick === "differ" && b.dataset.differs !== undefined);
    }
    if (on("[data-none]")) choose(on("[data-none]").dataset.none, false);
    if (on("[data-copy]")) {
      const button = on("[data-copy]");
      taken(button, await copy(button.dataset.copy || $("pre", button.parentElement).textContent));
    }
    const item = on("tr[data-item], .tile[data-item]");
    if (item && !on("a, button, label, input, .pick") && getSelection().isCollapsed) visit($("a[href]", item), e);
    for (const menu of $$("details.menu[open]")) if (!menu.contains(e.target) || on(".items button")) menu.open = false;
  });

  // A click beside the name of an app is one on it, also for a tab of its own.
  function visit(link, { ctrlKey, metaKey, shiftKey }) {
    link?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }));
  }

  // Browsers give the clipboard to pages by https only; the old way is for the others.
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "hide";
      document.body.append(area);
      const before = document.activeElement;
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      before?.focus();
      return done;
    }
  }

  // A button for copying says for a moment that it has, and is as it was again.
  function taken(button, done) {
    if (!done) return fail("The browser does not let this page copy");
    const use = $("use", button), words = button.lastChild.nodeType === Node.TEXT_NODE ? button.lastChild : null;
    const name = button.getAttribute("aria-label");
    use.setAttribute("href", "#i-check");
    if (name) button.setAttribute("aria-label", "Copied");
    if (words) words.data = "Copied";
    setTimeout(() => {
      use.setAttribute("href", "#i-copy");
      if (name) button.setAttribute("aria-label", name);
      if (words) words.data = "Copy";
    }, 2000);
  }

  // The browser's tab says how what it shows is.
  function tab() {
    const at = $("[data-tab]");
    if (at) name(at.dataset.tab, at.dataset.icon);
    else if (unheard) document.title = served;
  }

  function name(title, icon) {
    const link = $("#tab-icon");
    if (document.title !== title) document.title = title;
    if (link && link.getAttribute("href") !== icon) link.setAttribute("href", icon);
  }
  document.addEventListener("fixpoint:region", tab);

  // The theme changes at once; the cookie is what the server reads, also if the page is left
  // before it has come.
  document.addEventListener("submit", (e) => {
    if (!e.target.matches(".theme")) return;
    e.preventDefault();
    const theme = e.submitter.value;
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const b of $$("button", e.target)) b.setAttribute("aria-pressed", String(b === e.submitter));
    fetch("/theme", { method: "POST", body: new URLSearchParams({ theme }), redirect: "manual", keepalive: true });
  });

  // What is selected, for deeds with several things at once.
  const boxes = (name) => $$(`input[type=checkbox][name="${name}"]`);
  function count() {
    for (const at of $$("[data-count]")) {
      const chosen = boxes(at.dataset.count).filter((b) => b.checked).length;
      at.textContent = String(chosen);
    }
    for (const all of $$("[data-all]")) {
      const of = boxes(all.dataset.all);
      const chosen = of.filter((b) => b.checked).length;
      all.checked = chosen > 0 && chosen === of.length;
      all.indeterminate = chosen > 0 && chosen < of.length;
    }
  }
  function choose(name, checked) {
    for (const b of boxes(name)) b.checked = checked;
    count();
  }
  document.addEventListener("change", (e) => {
    if (e.target.matches("[data-all]")) choose(e.target.dataset.all, e.target.checked);
    else count();
  });

  // Keys.
  const places = { a: "/apps", h: "/activity", c: "/clusters", r: "/repositories", p: "/projects", s: "/sources" };
  let going = 0;

  function keys() {
    const dialog = $("#keys");
    if (dialog && !dialog.open) dialog.showModal();
  }

  function step(by) {
    const rows = $$("[data-row]");
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement?.closest("[data-row]"));
    const row = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    $("a[href]", row)?.focus();
    row.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    if (e.key === "Escape") {
      for (const menu of $$("details.menu[open]")) { menu.open = false; $("summary", menu).focus(); }
      if (e.target.matches?.("[data-search]")) e.target.blur();
      return;
    }
    if (e.target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]") || $("dialog[open]")) return;
    if (going && Date.now() - going < 1500 && places[e.key]) { location.href = places[e.key]; return; }
    going = e.key === "g" ? Date.now() : 0;
    if (e.key === "/") { const s = $("[data-search]"); if (s) { e.preventDefault(); s.focus(); s.select(); } }
    else if (e.key === "?") keys();
    else if (e.key === "j") step(1);
    else if (e.key === "k") step(-1);
    else if (e.key === "x") document.activeElement?.closest("[data-row]")?.querySelector("input[type=checkbox]")?.click();
  });

  function start() { ages(); follow(); showCurrent(); }
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
