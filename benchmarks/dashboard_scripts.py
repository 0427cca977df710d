"""What ``benchmarks.dashboard`` runs in the browser."""

OBSERVE = """
performance.setResourceTimingBufferSize(1000);
window.seen = {};
const note = name => { window.seen[name] ??= performance.now() };
new MutationObserver(() => {
  if (!document.querySelector('[data-machine]')) return;
  requestAnimationFrame(() => requestAnimationFrame(() => note('cards')));
}).observe(document, { childList: true, subtree: true });
window.longTasks = [];
new PerformanceObserver(list => {
  for (const each of list.getEntries()) window.longTasks.push(each.startTime + each.duration);
}).observe({ type: 'longtask', buffered: true });
for (const name of ['stroke', 'fill', 'putImageData', 'drawImage']) {
  const drawn = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (...given) {
    window.lastDrawn = performance.now();
    return drawn.apply(this, given);
  };
}
window.addEventListener('click', () => { window.clicked = performance.now() }, true);
"""
"""Before the page: notes when the first card is there, when the page was last busy, clicked, and drawn on a canvas."""
FIRST_LOAD = """
() => ({
  paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null,
  cards: window.seen.cards ?? null,
  settled: Math.max(window.seen.cards ?? 0, ...window.longTasks),
  js: performance.getEntriesByType('resource').filter(each => each.name.endsWith('.js'))
    .reduce((sum, each) => sum + each.encodedBodySize, 0),
})
"""
"""When the first text and the first card were painted and the page had nothing more to do (ms); bytes of scripts."""
CLICK_YEAR = """(name) => new Promise((resolve) => {
    const image = () => document.querySelector(`section[aria-label="${name}"] [role="img"]`);
    const before = image().getAttribute("aria-label");
    const year = [...document.querySelectorAll("nav a")].find((link) => link.textContent === "1 year");
    const begun = performance.now();
    const look = () => {
        const shown = image();
        const busy = document.querySelector('[aria-busy="true"]') || !document.querySelector("[data-readout]");
        if (shown && shown.getAttribute("aria-label") !== before && !busy) {
            requestAnimationFrame(() => resolve(performance.now() - begun));
        } else requestAnimationFrame(look);
    };
    year.click();
    look();
})"""
"""Milliseconds from the click on the range of a year to the frame in which the chart of that name shows it."""
CLICK_AND_LINES = """([target, least]) => new Promise((resolve) => {
    const begun = performance.now();
    const look = () => {
        const table = document.querySelector("main table[aria-rowcount]");
        const drawn = table?.querySelector("tbody tr[data-sensor]");
        if (drawn && Number(table.getAttribute("aria-rowcount")) >= least) {
            requestAnimationFrame(() => resolve(performance.now() - begun));
        } else requestAnimationFrame(look);
    };
    document.querySelector(target).click();
    look();
})"""
"""Milliseconds from a click to the frame in which the table of sensors has so many lines, its head included."""
ZOOM = """(steps) => new Promise((resolve) => {
    const over = document.querySelector(".u-over");
    const box = over.getBoundingClientRect();
    const work = [], frames = [];
    let left = steps, last = performance.now();
    const step = (now) => {
        frames.push(now - last);
        last = now;
        if (left-- === 0) return resolve({ work, frames: frames.slice(2) });
        const begun = performance.now();
        const way = left % 30 < 15 ? 60 : -60;
        const place = { clientX: box.left + box.width * 0.7, clientY: box.top + 20, deltaY: way, ctrlKey: true };
        over.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, ...place }));
        queueMicrotask(() => queueMicrotask(() => work.push(performance.now() - begun)));
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""
"""Zooms by the wheel, a step in each frame; milliseconds of work and from frame to frame."""
