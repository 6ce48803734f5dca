// Writes docs/screenshots/*.png: the main pages in the light and dark theme and on a phone, with the
// telemetry that `upblit demo` generates.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import UPNG from "upng-js";
import { launch, newProfile, newTab, signIn } from "./support/browser.js";
import { startServer } from "./support/server.js";

const TARGET = new URL("../../docs/screenshots/", import.meta.url).pathname;
const COLOURS = 160;
const MAX_BYTES = 120 * 1024;
const DEMO_MS = 180_000;

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const LOOKS = {
  light: { colorScheme: "light", viewport: DESK },
  dark: { colorScheme: "dark", viewport: DESK },
  phone: { colorScheme: "light", viewport: PHONE },
};

/** Address of each page, and a selector that matches once it has loaded. */
const SHOTS = {
  traces: {
    looks: ["light", "dark", "phone"],
    address: (id) => `#/applications/${id}/traces?window=15m`,
    ready: ".trace-row",
  },
  trace: { looks: ["light", "dark", "phone"], address: traceAddress, ready: ".span-main" },
  logs: {
    looks: ["light", "dark"],
    address: (id) => `#/applications/${id}/logs?window=15m`,
    ready: ".log-row",
  },
  metrics: {
    looks: ["light", "dark", "phone"],
    address: (id) => `#/applications/${id}/metrics?window=6h`,
    ready: ".tile",
  },
  key: { looks: ["light"], address: (id) => `#/applications/${id}/keys`, ready: ".key", act: mintKey },
};

const server = await startServer();
const demo = spawn(process.env.UPBLIT, ["demo", "--url", server.url, "--hours", "6"], { stdio: "ignore" });
const browser = await launch({ env: { ...process.env, FONTCONFIG_FILE: fonts() } });
try {
  await mkdir(TARGET, { recursive: true });
  const context = await newProfile(browser, server.url, { deviceScaleFactor: 1, reducedMotion: "reduce" });
  const { page } = await newTab(context);
  await signIn(page);
  const application = await demoApplication(page);
  for (const [name, shot] of Object.entries(SHOTS)) {
    for (const look of shot.looks) await take(page, application, `${name}-${look}`, shot, LOOKS[look]);
  }
} finally {
  await browser.close();
  demo.kill();
  await server.stop();
}

async function take(page, application, name, { address, ready, act }, { colorScheme, viewport }) {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize(viewport);
  await page.goto(`/${await address(application, page)}`);
  await page.locator(ready).first().waitFor();
  await act?.(page);
  // No element is hovered, and the charts have adapted to their width.
  await page.mouse.move(0, 0);
  await page.waitForTimeout(500);
  const file = join(TARGET, `${name}.png`);
  const png = reduced(await page.screenshot());
  writeFileSync(file, png);
  console.log(`${name}.png ${Math.ceil(png.length / 1024)} KB`);
  if (png.length > MAX_BYTES) throw new Error(`${name}.png is larger than ${MAX_BYTES} bytes`);
}

function reduced(png) {
  const image = UPNG.decode(png);
  return Buffer.from(UPNG.encode(UPNG.toRGBA8(image), image.width, image.height, COLOURS));
}

function get(page, path) {
  return page.evaluate(
    async (address) =>
      (await fetch(address, { headers: { authorization: `Bearer ${localStorage.token}` } })).json(),
    path,
  );
}

/** Waits until the demo has caught up with the present, and returns the id of its application. */
async function demoApplication(page) {
  const deadline = Date.now() + DEMO_MS;
  while (Date.now() < deadline) {
    const [application] = (await get(page, "/applications")).applications;
    const from = new Date(Date.now() - 30_000).toISOString();
    if (
      application &&
      (await get(page, `/telemetry/traces?applicationId=${application.id}&from=${from}`)).traces.length > 0
    )
      return application.id;
    await page.waitForTimeout(1_000);
  }
  throw new Error("the demo did not catch up with the present");
}

/** A failed trace that went through several services. These are rare, so a page may have none. */
async function traceAddress(id, page) {
  const from = new Date(Date.now() - 6 * 3_600_000).toISOString();
  const query = `applicationId=${id}&from=${from}&status=error&limit=200`;
  const traces = [];
  let cursor = "";
  do {
    const found = await get(page, `/telemetry/traces?${query}${cursor}`);
    traces.push(...found.traces);
    cursor = found.nextCursor && `&cursor=${encodeURIComponent(found.nextCursor)}`;
  } while (cursor && !traces.some(isWanted));
  const trace = traces.find(isWanted) ?? traces[0];
  return `#/applications/${id}/traces/${trace.traceId}?at=${trace.startTime}`;
}

function isWanted({ name, spanCount, errorCount }) {
  return spanCount >= 8 && spanCount <= 13 && errorCount >= 2 && /order|checkout|pay/i.test(name);
}

async function mintKey(page) {
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByLabel("Name").fill("storefront-eu");
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByRole("tab", { name: "OpenTelemetry" }).click();
  await page.evaluate(hideKeys);
}

/** Replaces real keys by an example, because a screenshot with a key would be a bad example. */
function hideKeys() {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data.replace(
      /(upblit_live_)\w{57}/,
      `$1${"EXAMPLE".padEnd(57, "0")}`,
    );
  }
}

/** A font configuration that prefers modern fonts, as on most users' systems. */
function fonts() {
  const families = execFileSync("fc-list", [":", "family"], { encoding: "utf8" });
  const prefer = (generic, family) =>
    families.includes(family)
      ? `<match target="pattern"><test qual="any" name="family"><string>${generic}</string></test><edit name="family" mode="prepend" binding="strong"><string>${family}</string></edit></match>`
      : "";
  const rules = [
    prefer("system-ui", "Inter"),
    prefer("sans", "Inter"),
    prefer("sans-serif", "Inter"),
    prefer("ui-monospace", "JetBrains Mono"),
  ];
  const file = join(mkdtempSync(join(tmpdir(), "upblit-fonts-")), "fonts.conf");
  writeFileSync(
    file,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><include>/etc/fonts/fonts.conf</include>${rules.join("")}</fontconfig>`,
  );
  return file;
}
