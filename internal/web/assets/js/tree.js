// What the tree does besides being a drawing with links: it zooms, moves with the
// pointer, and goes from node to node by arrow keys. And diffs fold. Without it the tree
// scrolls and every node is reached by Tab.
"use strict";
(() => {
  const least = 0.2, most = 2.5;
  let scale = 0; // of the reader; 0 is what fits best
  let width = 0, height = 0;

  const pane = () => document.querySelector("[data-pane]");
  const svg = () => document.querySelector("[data-svg]");
  const clamp = (s) => Math.min(Math.max(s, least), most);

  // The size that the server has sent is the natural one; it comes anew with each morph.
  function measure(s) {
    const box = s.viewBox.baseVal;
    width = box.width;
    height = box.height;
  }

  // The room for the tree with a scroll bar beside it, whether there is one or not: what
  // follows from the room must not change it.
  const room = (p) => p.offsetWidth - 18;

  // A tree that is a little wider than the pane is made to fit; a large one is not made
  // unreadable.
  function best() {
    return Math.min(1, Math.max(room(pane()) / width, 0.72));
  }

  function apply() {
    const s = svg();
    if (!s) return;
    measure(s);
    const at = scale || best();
    const w = String(Math.round(width * at)), h = String(Math.round(height * at));
    if (s.getAttribute("width") !== w) s.setAttribute("width", w);
    if (s.getAttribute("height") !== h) s.setAttribute("height", h);
  }

  // Zooms and keeps the point at x, y of the pane where it is.
  function zoom(to, x, y) {
    const p = pane(), s = svg();
    if (!p || !s) return;
    const before = s.getBoundingClientRect().width / width;
    const rect = p.getBoundingClientRect();
    x ??= rect.width / 2;
    y ??= rect.height / 2;
    const left = (p.scrollLeft + x) / before, top = (p.scrollTop + y) / before;
    scale = clamp(to);
    apply();
    p.scrollLeft = left * scale - x;
    p.scrollTop = top * scale - y;
  }

  function current() {
    return svg().getBoundingClientRect().width / width;
  }

  function fit() {
    const p = pane();
    scale = clamp(Math.min(room(p) / width, (p.offsetHeight - 18) / height, 1));
    apply();
    p.scrollTo(0, 0);
  }

  document.addEventListener("click", (e) => {
    const by = e.target.closest?.("[data-zoom]")?.dataset.zoom;
    if (by === "in") zoom(current() * 1.25);
    if (by === "out") zoom(current() / 1.25);
    if (by === "one") zoom(1);
    if (by === "fit") fit();
    const fold = e.target.closest?.("[data-fold]")?.dataset.fold;
    if (fold) for (const d of document.querySelectorAll(".diff-object")) d.open = fold === "open";
  });

  document.addEventListener("wheel", (e) => {
    const p = e.target.closest?.("[data-pane]");
    if (!p || !(e.ctrlKey || e.metaKey)) return;
    e.preventDefault();
    const rect = p.getBoundingClientRect();
    zoom(current() * Math.exp(-e.deltaY / 300), e.clientX - rect.left, e.clientY - rect.top);
  }, { passive: false });

  // One pointer moves the tree, two zoom it. Touch with one finger scrolls by itself.
  const pointers = new Map();
  let start = null, moved = false;

  function spread() {
    const [a, b] = [...pointers.values()];
    return { size: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }

  document.addEventListener("pointerdown", (e) => {
    const p = e.target.closest?.("[data-pane]");
    if (!p || e.button !== 0) return;
    pointers.set(e.pointerId, { x: e.clientX, y: e.clientY });
    moved = false;
    start = { left: p.scrollLeft, top: p.scrollTop, x: e.clientX, y: e.clientY, scale: current() };
    if (pointers.size === 2) start.spread = spread();
  });

  document.addEventListener("pointermove", (e) => {
    const p = pane();
    if (!p || !start || !pointers.has(e.pointerId)) return;
    pointers.set(e.pointerId, { x: e.clientX, y: e.clientY });
    if (pointers.size === 2 && start.spread) {
      const now = spread(), rect = p.getBoundingClientRect();
      zoom(start.scale * now.size / start.spread.size, now.x - rect.left, now.y - rect.top);
      moved = true;
      return;
    }
    const x = e.clientX - start.x, y = e.clientY - start.y;
    if (e.pointerType === "touch" || (!moved && Math.hypot(x, y) < 5)) return;
    moved = true;
    p.classList.add("dragging");
    p.scrollLeft = start.left - x;
    p.scrollTop = start.top - y;
  });

  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, (e) => {
      pointers.delete(e.pointerId);
      if (pointers.size === 0) start = null;
      pane()?.classList.remove("dragging");
    });
  }
  // Who has moved the tree does not mean the link under the pointer.
  document.addEventListener("click", (e) => {
    if (moved && e.target.closest?.("[data-pane]")) e.preventDefault();
    moved = false;
  }, true);
  document.addEventListener("dragstart", (e) => {
    if (e.target.closest?.("[data-pane]")) e.preventDefault();
  });

  // Opening a group changes the tree alone, and the address.
  document.addEventListener("click", (e) => {
    const a = e.target.closest?.("a.node.group");
    if (!a || e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    const to = new URL(a.getAttribute("href"), location.href);
    htmx.ajax("GET", to.pathname + to.search, { source: document.body, swap: "none", push: "true" });
  });

  const place = (n) => {
    const m = n.transform.baseVal.getItem(0).matrix;
    return { x: m.e, y: m.f };
  };

  function nearest(nodes, y) {
    return nodes.reduce((best, n) => (!best || Math.abs(place(n).y - y) < Math.abs(place(best).y - y) ? n : best), null);
  }

  // Left is the owner, right the first child, up and down are the neighbours of the
  // same generation.
  function neighbour(node, key) {
    const nodes = [...svg().querySelectorAll("a.node")];
    const at = place(node);
    if (key === "ArrowLeft") return document.getElementById(node.dataset.p);
    if (key === "ArrowRight") return nodes.find((n) => n.dataset.p === node.id);
    if (key === "Home") return nodes[0];
    if (key === "End") return nodes[nodes.length - 1];
    const side = nodes.filter((n) => {
      const p = place(n);
      return p.x === at.x && (key === "ArrowUp" ? p.y < at.y : p.y > at.y);
    });
    return nearest(side, at.y);
  }

  document.addEventListener("keydown", (e) => {
    const node = e.target.closest?.("a.node");
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (node && ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(e.key)) {
      const to = neighbour(node, e.key);
      e.preventDefault();
      to?.focus();
      to?.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if (e.target.closest?.("[data-pane]")) {
      if (e.key === "+" || e.key === "=") zoom(current() * 1.25);
      else if (e.key === "-") zoom(current() / 1.25);
      else if (e.key === "0") fit();
    }
  });

  new MutationObserver(apply).observe(document.getElementById("main"), { childList: true, subtree: true, attributeFilter: ["viewBox", "width"] });
  addEventListener("resize", apply);
  apply();
})();
