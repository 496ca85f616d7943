// Runs inside of a page: looks at every text in it and returns what is wrong, a line each.
export function inspect() {
  const faults = [];
  const say = (text) => faults.length < 20 && faults.push(text);
  const quote = (text) => JSON.stringify(text.trim().slice(0, 40));
  const isPicture = document.documentElement.localName === "svg";
  const width = document.documentElement.clientWidth || innerWidth;

  /** What may be there at all: nothing that fetches, embeds or runs. */
  const known = new Set(("html head meta title style body a main nav article header section script h1 h2 h3 p " +
    "ol ul li dl dt dd div span strong b code mark figure figcaption form label select option input button " +
    "table caption thead tbody tr th td details summary " +
    "svg desc g rect line text circle polygon path use").split(" "));
  for (const element of document.querySelectorAll("*")) {
    if (!known.has(element.localName)) say(`an element <${element.localName}>`);
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name) || /^\s*(javascript|data):/i.test(value)) say(`an attribute ${name}=${value.slice(0, 40)}`);
      if (/^(href|src|xlink:href)$/.test(name) && !value.startsWith("#")) say(`a reference to ${value.slice(0, 40)}`);
    }
  }
  const scripts = document.querySelectorAll("script").length;
  if (scripts !== (isPicture ? 0 : 1)) say(`${scripts} scripts`);
  if (globalThis.owned !== undefined) say("a script of somebody else ran");

  /** Every text that is to be seen: its box, its words, its element. */
  const texts = [];
  for (const text of document.querySelectorAll("svg text")) {
    // On paper the sheets show it, cut between the steps.
    const cut = text.closest(".cut");
    if (cut && getComputedStyle(cut).position === "absolute") continue;
    if (text.checkVisibility()) texts.push({ box: text.getBoundingClientRect(), words: text.textContent, element: text, svg: text.ownerSVGElement });
  }
  if (!isPicture) {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!node.textContent.trim() || parent.closest("svg, script, style, option, select, .skip") || !parent.checkVisibility()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) {
        if (box.width > 0) texts.push({ box, words: node.textContent, element: parent });
      }
    }
    if (document.documentElement.scrollWidth > width + 1) say(`is ${document.documentElement.scrollWidth} wide instead of ${width}`);
  }
  if (texts.length === 0) say("no text");

  /** The area outside of which a text cannot be seen, or must not be. */
  const frame = (text) => {
    if (text.svg) return text.svg.getBoundingClientRect();
    const wide = text.element.closest(".wide");
    if (wide && getComputedStyle(wide).overflowX === "auto") return null;
    return { left: 0, right: width, top: -Infinity, bottom: Infinity };
  };
  for (const text of texts) {
    const area = frame(text);
    const { box } = text;
    if (area && (box.left < area.left - 1 || box.right > area.right + 1 || box.top < area.top - 1 || box.bottom > area.bottom + 1)) {
      say(`${quote(text.words)} leaves the page`);
    }
  }

  /** Texts over each other, by a sweep from top to bottom. */
  const byTop = [...texts].sort((a, b) => a.box.top - b.box.top);
  for (let at = 0; at < byTop.length; at++) {
    const a = byTop[at];
    for (let next = at + 1; next < byTop.length && byTop[next].box.top < a.box.bottom - 1.5; next++) {
      const b = byTop[next];
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      if (across > 1 && a.element !== b.element) say(`${quote(a.words)} and ${quote(b.words)} overlap`);
    }
  }

  /** Texts in a box of a picture stay in it. */
  const frames = [...document.querySelectorAll("svg rect:is(.box, .head, .band, .gap, .across)")]
    .filter((rect) => rect.checkVisibility())
    .map((rect) => ({ rect, box: rect.getBoundingClientRect() }));
  const papers = [...document.querySelectorAll("svg rect.paper")].map((rect) => ({ rect, box: rect.getBoundingClientRect() }));
  const inside = (box, x, y) => x > box.left && x < box.right && y > box.top && y < box.bottom;
  const around = new Map();
  for (const text of texts.filter((text) => text.svg)) {
    const x = (text.box.left + text.box.right) / 2;
    const y = (text.box.top + text.box.bottom) / 2;
    const holder = frames.filter(({ rect, box }) => rect.ownerSVGElement === text.svg && !rect.classList.contains("inner") && inside(box, x, y)).pop();
    around.set(text, holder ?? papers.find(({ rect }) => rect.ownerSVGElement === text.svg));
    if (!holder) continue;
    const { box } = holder;
    if (text.box.left < box.left - 0.5 || text.box.right > box.right + 0.5 || text.box.top < box.top - 1 || text.box.bottom > box.bottom + 1) {
      say(`${quote(text.words)} leaves its box`);
    }
  }

  /** Time runs down: on neither side does a note stand above a packet that arrived before it. */
  const ladders = [...document.querySelectorAll("svg.ladder:not(.diagram)")];
  const runs = ladders.flatMap((svg) => {
    const several = [...svg.querySelectorAll(":scope > g[transform]")];
    return several.length > 0 ? several : [svg];
  });
  for (const run of runs) {
    const arrived = { left: -Infinity, right: -Infinity };
    let middle = Infinity;
    for (const shape of run.querySelectorAll("polygon.tip, circle:not(.shaft)")) {
      if (shape.localName === "polygon") {
        const [tip, foot] = shape.points;
        const side = tip.x > foot.x ? "right" : "left";
        arrived[side] = Math.max(arrived[side], tip.y);
        middle = (tip.x + foot.x) / 2;
      } else {
        const side = shape.cx.baseVal.value > middle ? "right" : "left";
        const above = arrived[side] - shape.cy.baseVal.value;
        if (above > 3) say(`a note stands ${Math.round(above)} above the packet before it`);
      }
    }
  }

  /** Contrast of at least 4.5 to 1 (WCAG 1.4.3). Of HTML, axe looks after it. */
  const channels = (color) => color.match(/[\d.]+/g).slice(0, 3).map(Number);
  const light = (color) => {
    const [r, g, b] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const text of texts.filter((text) => text.svg)) {
    const behind = around.get(text);
    if (!behind) continue;
    const [high, low] = [getComputedStyle(text.element).fill, getComputedStyle(behind.rect).fill].map(light).sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) say(`${quote(text.words)} has a contrast of ${ratio.toFixed(1)}`);
  }
  return faults;
}
