// Opens pictures and pages in headless Chromium and proves that they hold together: no text over
// another one, none outside its box or the page, enough contrast, nothing from the network, no
// error, nothing that runs but the page's own script, filters that work by keyboard, all to be
// read without script, no complaint of axe (WCAG A and AA). Diagrams of mermaid must be drawn by
// mermaid itself.
//
//   node check.mjs MODULES FILE…
//
// MODULES is a folder in which playwright-core, axe-core and mermaid are installed. Each FILE ends
// in .svg, .html or .mmd. CHROMIUM names the browser (/usr/bin/chromium). SHOTS=FOLDER keeps
// screenshots. Exits with 1 and a line for each fault.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "./inspect.mjs";

const [modules, ...files] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "x.js"));
const { chromium } = require("playwright-core");
const shots = process.env.SHOTS;

const faults = [];
const fault = (file, view, text) => faults.push(`${path.basename(file)} (${view}): ${text}`);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

/** Opens a file as a person would see it, and notes what goes wrong meanwhile. */
async function open(file, view, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const url = pathToFileURL(path.resolve(file)).href;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) fault(file, view, `console: ${message.text()}`);
  });
  page.on("pageerror", (error) => fault(file, view, `script error: ${error.message}`));
  page.on("dialog", (dialog) => {
    fault(file, view, `a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== url) fault(file, view, `asks for ${request.url()}`);
  });
  await page.goto(url);
  return { context, page };
}

async function look(page, file, view) {
  for (const text of await page.evaluate(inspect)) fault(file, view, text);
  if (shots) {
    const name = `${path.basename(file)}-${view.replaceAll(" ", "-")}.png`;
    await page.screenshot({ path: path.join(shots, name), fullPage: file.endsWith(".html") });
  }
}

async function picture(file) {
  for (const view of ["light", "dark", "print"]) {
    const colorScheme = view === "light" ? "light" : "dark";
    const { context, page } = await open(file, view, { colorScheme });
    if (view === "print") await page.emulateMedia({ media: "print", colorScheme });
    const size = await page.evaluate(() => {
      const { width, height } = document.documentElement;
      return { width: Math.ceil(width.baseVal.value), height: Math.ceil(height.baseVal.value) };
    });
    await page.setViewportSize({ width: size.width, height: Math.min(size.height, 8000) });
    if (view === "print") await paper(page, file, view);
    await look(page, file, view);
    await context.close();
  }
}

/** Whatever the screen likes, paper is white. */
async function paper(page, file, view) {
  const color = await page.evaluate(() => {
    const sheet = document.querySelector("svg.ladder > .paper");
    const body = document.body && getComputedStyle(document.body).backgroundColor;
    return [sheet && getComputedStyle(sheet).fill, body];
  });
  for (const one of color) {
    if (one && one !== "rgb(255, 255, 255)") fault(file, view, `prints on ${one}`);
  }
}

async function document_(file) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 400]) {
      const view = `${colorScheme} ${width}`;
      const { context, page } = await open(file, view, { colorScheme, viewport: { width, height: 900 } });
      await look(page, file, view);
      if (width === 1280) await axe(page, file, view);
      if (view === "light 1280") await keyboard(page, file, view);
      if (view === "light 1280") await filtered(page, file, view);
      if (view === "light 400") await centred(page, file, view);
      await context.close();
    }
  }
  const { context, page } = await open(file, "print", { colorScheme: "dark", viewport: { width: 780, height: 900 } });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await paper(page, file, "print");
  await look(page, file, "print");
  await context.close();
  await withoutScript(file);
}

async function axe(page, file, view) {
  await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, help, nodes } of found.violations) {
    fault(file, view, `axe: ${id}: ${help}: ${nodes.slice(0, 2).map((node) => node.html.slice(0, 120)).join(" ")}`);
  }
}

/** The filters, with nothing but keys. */
async function keyboard(page, file, view) {
  const form = await page.$("form[data-filters]");
  if (!form) return;
  const here = () => page.evaluate(() => {
    const at = document.activeElement;
    const style = getComputedStyle(at);
    return { name: at.name ?? "", tag: at.localName, outlined: style.outlineStyle !== "none" && style.outlineWidth !== "0px" };
  });
  for (let key = 0; key < 400; key++) {
    await page.keyboard.press("Tab");
    const at = await here();
    if (!at.outlined) fault(file, view, `the focus on ${at.tag} cannot be seen`);
    if (at.name === "text") break;
  }
  if ((await here()).name !== "text") return fault(file, view, "the text filter is out of reach");
  const shown = () => page.evaluate(() => ({
    rows: [...document.querySelector("form[data-filters]").closest("section").querySelectorAll("tbody tr")]
      .filter((row) => row.checkVisibility()).length,
    said: document.querySelector("form[data-filters] [role=status]").textContent,
  }));
  const all = await shown();
  await page.keyboard.type("step 1");
  const some = await shown();
  if (!(some.rows >= 1 && some.rows < all.rows)) fault(file, view, `the text filter shows ${some.rows} of ${all.rows}`);
  if (!some.said.startsWith(`${some.rows} of `)) fault(file, view, `it says "${some.said}"`);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction((rows) => [...document.querySelector("form[data-filters]").closest("section")
    .querySelectorAll("tbody tr")].filter((row) => row.checkVisibility()).length === rows, all.rows, { timeout: 5000 });
}

/** An endpoint's packets are found by both its ends, and what is printed says that it is filtered. */
async function filtered(page, file, view) {
  const chosen = await page.$eval("body", (body) => {
    const select = body.querySelector("form[data-filters] select[name=who]");
    const option = [...(select?.options ?? [])].find(({ value }) => value.includes("conn"));
    if (!option) return null;
    select.value = option.value;
    select.dispatchEvent(new Event("input", { bubbles: true }));
    const section = select.closest("section");
    const rows = [...section.querySelectorAll("tbody tr")];
    const of = (row) => row.dataset.who.split("\n").includes(option.value);
    const result = {
      wrong: rows.filter((row) => row.checkVisibility() !== of(row)).length,
      lonely: rows.filter((row) => /^packet \d+ delivered/.test(row.querySelector(".what").textContent) && !row.dataset.who).length,
      caption: section.querySelector("caption").textContent,
    };
    select.form.reset();
    return result;
  });
  if (!chosen) return;
  if (chosen.wrong) fault(file, view, `the filter of an endpoint is wrong about ${chosen.wrong} rows`);
  if (chosen.lonely) fault(file, view, `${chosen.lonely} deliveries belong to no endpoint`);
  if (!chosen.caption.includes("filtered")) fault(file, view, `the caption says "${chosen.caption}"`);
}

/** On a narrow screen the life lines are in view, and a word says that the rest can be reached. */
async function centred(page, file, view) {
  const lost = await page.evaluate(() => [...document.querySelectorAll(".wide[data-middle]")]
    .filter((wide) => wide.checkVisibility() && wide.scrollWidth > wide.clientWidth)
    .filter((wide) => {
      const { left, right } = wide.getBoundingClientRect();
      const lines = [...wide.querySelectorAll("line.life, .diagram .box")].map((line) => line.getBoundingClientRect());
      const seen = lines.some((line) => line.left >= left && line.right <= right);
      return !seen || !wide.previousElementSibling.checkVisibility();
    }).length);
  if (lost) fault(file, view, `${lost} pictures show no life line, or not that they scroll`);
}

async function withoutScript(file) {
  const { context, page } = await open(file, "no script", { javaScriptEnabled: false });
  const state = await page.evaluate(() => ({
    forms: [...document.querySelectorAll("form")].filter((form) => form.checkVisibility()).length,
    // What is folded away can be unfolded without script.
    hidden: [...document.querySelectorAll("tbody tr, figure, li")]
      .filter((part) => !part.closest("details") && !part.checkVisibility()).length,
  }));
  if (state.forms > 0) fault(file, "no script", "shows filters that do nothing");
  if (state.hidden > 0) fault(file, "no script", `hides ${state.hidden} parts`);
  await context.close();
}

async function diagram(file) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => fault(file, "mermaid", error.message));
  page.on("dialog", (dialog) => {
    fault(file, "mermaid", `a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.setContent("<!DOCTYPE html><body><div id=here></div></body>");
  await page.addScriptTag({ path: require.resolve("mermaid/dist/mermaid.min.js") });
  const text = readFileSync(file, "utf8");
  const drawn = await page.evaluate(async (text) => {
    // As GitHub has it: strict, and no longer a text.
    globalThis.mermaid.initialize({ startOnLoad: false, securityLevel: "strict", maxTextSize: 50000 });
    try {
      const { svg } = await globalThis.mermaid.render("diagram", text);
      const here = document.getElementById("here");
      here.innerHTML = svg;
      return {
        text: [...here.querySelectorAll("text")].map((text) => text.textContent).join("\n"),
        strange: [...here.querySelectorAll("script, iframe, img, object, embed")].length,
        owned: globalThis.owned !== undefined,
        messages: here.querySelectorAll(".messageText").length,
      };
    } catch (error) {
      return { error: String(error.message ?? error) };
    }
  }, text);
  if (drawn.error) fault(file, "mermaid", drawn.error);
  else {
    if (drawn.strange) fault(file, "mermaid", "elements that are not a picture's");
    if (drawn.owned) fault(file, "mermaid", "a script of somebody else ran");
    const arrows = text.split("\n").filter((line) => /^ {2}h\d+(->>|-->>|-x|--\))h\d+: /.test(line)).length;
    if (drawn.messages !== arrows) fault(file, "mermaid", `${drawn.messages} messages instead of ${arrows}`);
    if (/[ﬂ¶]|°°/.test(drawn.text)) fault(file, "mermaid", "signs of its own encoding are left");
  }
  if (shots) await page.screenshot({ path: path.join(shots, `${path.basename(file)}.png`), fullPage: true });
  await context.close();
}

const kinds = { ".svg": picture, ".html": document_, ".mmd": diagram };
const queue = [...files];
const worker = async () => {
  for (let file = queue.shift(); file; file = queue.shift()) {
    const check = kinds[path.extname(file)];
    if (check) await check(file);
    else fault(file, "-", "neither .svg, .html nor .mmd");
  }
};
await Promise.all([worker(), worker(), worker()]);
await browser.close();
for (const text of faults.sort()) console.error(text);
console.log(`${files.length} files, ${faults.length} faults`);
process.exit(faults.length > 0 || files.length === 0 ? 1 : 0);
