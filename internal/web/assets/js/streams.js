// Who of this browser's windows and tabs may hold a stream. By HTTP/1.1 a browser opens
// six connections to a host, for all of them together: with a stream each, six windows
// would take all, and nothing would load any more. So four have one, those that were
// looked at last; the others ask now and then. By HTTP/2 and later there is no such limit.
"use strict";
(() => {
  const most = 4;
  const [arrival] = performance.getEntriesByType("navigation");
  const narrow = !/^h[23]/.test(arrival?.nextHopProtocol ?? "");
  const channel = narrow && "BroadcastChannel" in window ? new BroadcastChannel("fixpoint-streams") : null;
  const me = { id: Math.random().toString(36).slice(2), at: 0 };
  const others = new Map();
  let changed = null, had = true;

  const before = (a, b) => a.at - b.at || (a.id < b.id ? -1 : 1);
  const may = () => [...others.values()].filter((o) => before(me, o) < 0).length < most;

  function check() {
    const has = may();
    if (changed && has !== had) changed(has);
    had = has;
  }

  function announce() {
    if (changed) channel?.postMessage(me);
  }

  function look() {
    if (!changed || document.hidden) return;
    me.at = Date.now();
    announce();
    check();
  }

  channel?.addEventListener("message", ({ data }) => {
    if (data.ask) return announce();
    if (data.at) others.set(data.id, { ...data, heard: performance.now() });
    else others.delete(data.id);
    check();
  });
  if (channel) addEventListener("focus", look);

  window.fixpointStreams = {
    // enter says that this tab wants a stream, and whether it may have one; told is called
    // whenever that changes.
    enter(told) {
      const first = !changed;
      changed = told;
      if (first) {
        me.at = Date.now();
        channel?.postMessage({ ask: true });
      }
      announce();
      return (had = may());
    },
    leave() {
      if (changed) channel?.postMessage({ id: me.id });
      changed = null;
    },
    // recount forgets those that have gone without a word; the rest answer at once.
    recount(then) {
      const asked = performance.now();
      channel?.postMessage({ ask: true });
      return setTimeout(() => {
        for (const [id, o] of others) if (o.heard < asked) others.delete(id);
        then();
      }, 500);
    },
  };
})();
