// A log that is followed: new lines come at the end, the oldest go. After a connection
// was lost it goes on where it was; lines that come again are told by container and time.
"use strict";
(() => {
  const root = document.querySelector("[data-logs]");
  const list = root?.querySelector("[data-lines]");
  if (!root) return;
  const most = 2000;
  const state = root.querySelector("[data-state]");
  const none = root.querySelector("[data-none]");
  const toEnd = root.querySelector("[data-end]");
  const form = root.querySelector("form");
  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: "UTC", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
  });

  // Of each container the time of its last line, and how many lines it wrote at it.
  const seen = new Map();
  let last = "", tries = 0, source = null, timer = 0, ended = false;

  function note(from, at) {
    const s = seen.get(from);
    if (s && s.at === at) s.count++;
    else seen.set(from, { at, count: 1 });
    if (at > last) last = at;
  }

  // Times as text compare right only if they are equally long.
  function full(at) {
    const [head, digits = ""] = at.replace("Z", "").split(".");
    return head + "." + digits.padEnd(9, "0") + "Z";
  }

  // Whether a line has come before; again counts those of the connection.
  function isOld(from, at, again) {
    const s = seen.get(from);
    if (!s || at > s.at) return false;
    if (at < s.at) return true;
    const n = (again.get(from) ?? 0) + 1;
    again.set(from, n);
    return n <= s.before;
  }

  const stuck = () => list.scrollTop + list.clientHeight >= list.scrollHeight - 24;

  function row([at, pod, container, text, kind]) {
    const li = document.createElement("li");
    if (kind) li.className = "said";
    const time = document.createElement("time");
    time.dateTime = at;
    time.setAttribute("data-fixed", "");
    time.textContent = clock.format(new Date(at)).replace(",", "");
    const from = document.createElement("span");
    from.className = "from";
    const i = document.createElement("i");
    i.textContent = container;
    from.append(pod, i);
    const tx = document.createElement("span");
    tx.className = "tx";
    tx.textContent = text;
    li.append(time, from, tx);
    return li;
  }

  function add(lines, again) {
    const follow = stuck();
    const fresh = document.createDocumentFragment();
    for (const l of lines) {
      const from = l[1] + "/" + l[2], at = full(l[0]);
      if (!l[4] && isOld(from, at, again)) continue;
      if (!l[4]) note(from, at);
      fresh.append(row(l));
    }
    list.append(fresh);
    while (list.childElementCount > most) list.firstElementChild.remove();
    if (none) none.hidden = list.childElementCount > 0;
    if (follow) end();
  }

  function end() {
    list.scrollTop = list.scrollHeight;
    if (toEnd) toEnd.hidden = true;
  }

  function say(text, tone) {
    state.textContent = text;
    state.dataset.tone = tone;
  }

  function stop(text, tone) {
    ended = true;
    fixpointStreams.leave();
    source?.close();
    source = null;
    clearTimeout(timer);
    say(text, tone);
  }

  function connect() {
    clearTimeout(timer);
    source?.close();
    source = null;
    if (ended || document.hidden) return fixpointStreams.leave();
    if (!fixpointStreams.enter(connect)) return say("Paused: other windows follow. It goes on when you come here.", "warn");
    for (const s of seen.values()) s.before = s.count;
    const again = new Map();
    const url = new URL(root.dataset.watch, location.href);
    if (last) url.searchParams.set("since", new Date(Date.parse(last) - 5000).toISOString());
    source = new EventSource(url);
    let began = Infinity;
    const later = (why) => {
      source.close();
      source = null;
      tries = Date.now() - began > 20000 ? 1 : tries + 1;
      say(why + " Trying again…", "warn");
      timer = setTimeout(connect, Math.min(500 * 2 ** (tries - 1), 15000) * (0.75 + Math.random() / 2));
    };
    source.onopen = () => { began = Date.now(); say("Following", "good"); };
    source.onerror = () => later("Connection lost.");
    source.addEventListener("later", (e) => later(JSON.parse(e.data) + "."));
    source.addEventListener("lines", (e) => add(JSON.parse(e.data), again));
    source.addEventListener("problem", (e) => stop(JSON.parse(e.data), "bad"));
    source.addEventListener("end", () => stop("The log has ended", "calm"));
    source.addEventListener("gone", () => stop("You may not read it any more", "bad"));
  }

  if (list) {
    for (const li of list.children) if (!li.classList.contains("said")) note(li.dataset.from, full(li.dataset.at));
    list.addEventListener("scroll", () => { if (toEnd) toEnd.hidden = stuck(); });
    toEnd?.addEventListener("click", end);
    end();
    if (root.dataset.watch) {
      document.addEventListener("visibilitychange", connect);
      addEventListener("online", () => { if (!source) connect(); });
      addEventListener("pagehide", () => { source?.close(); fixpointStreams.leave(); });
      addEventListener("pageshow", (e) => { if (e.persisted) connect(); });
      connect();
    } else {
      say("An earlier run: it has ended", "calm");
    }
  }

  // What only looks different changes at once; the rest asks anew.
  form.addEventListener("change", (e) => {
    const look = e.target.dataset.look;
    if (!look) return form.requestSubmit();
    const follow = list && stuck();
    list?.classList.toggle(look, e.target.checked);
    if (follow) end();
    const url = new URL(location.href);
    if (e.target.checked) url.searchParams.set(look, "1");
    else url.searchParams.delete(look);
    history.replaceState(history.state, "", url);
  });
})();
