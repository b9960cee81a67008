import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import chromium from "@sparticuz/chromium";
import { type Browser, chromium as launcher, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ReportInput } from "../../activities/report/data/build";
import { type FixtureOptions, reportFixture } from "../support/report-fixture";
import { renderPage } from "../support/report-page";

let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "belay-report-"));
  browser = await launcher.launch({
    executablePath: await chromium.executablePath(),
    // Root may not use Chromium's own sandbox; the page is ours and has no network.
    args: ["--no-sandbox", "--disable-gpu"],
    headless: true,
  });
});

afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Opened {
  page: Page;
  /** Console errors, uncaught errors and requests for anything but the file itself. */
  complaints: string[];
}

async function open(
  input: ReportInput,
  options: { dark?: boolean; scripts?: boolean } = {},
): Promise<Opened> {
  const file = join(folder, "report.html");
  await writeFile(file, await renderPage(input));
  const address = pathToFileURL(file).href;
  const context = await browser.newContext({
    offline: true,
    colorScheme: options.dark ? "dark" : "light",
    javaScriptEnabled: options.scripts ?? true,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()))
      complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (url !== address && !url.startsWith("data:")) complaints.push(`request: ${url}`);
  });
  await page.goto(address, { waitUntil: "load" });
  return { page, complaints };
}

/** What `expression` (of `node`) says of each element that the selector finds. */
const each = <T>(page: Page, selector: string, expression: string): Promise<T[]> =>
  page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((node) => ${expression})`);

/** Name of each chart on the page and how many drawn marks it shows. */
const charts = (page: Page): Promise<Record<string, number>> =>
  page.evaluate(
    `Object.fromEntries([...document.querySelectorAll("svg[data-chart]")].map((svg) => [
      svg.dataset.chart,
      [...svg.querySelectorAll("path, rect, circle, line")].filter((mark) => mark.getBoundingClientRect().width > 0 || mark.getBoundingClientRect().height > 0).length,
    ]))`,
  );

const search = ["history", "curves-train_loss", "curves-eval_loss", "parallel", "timeline", "gpu-seconds"];

const cases: [name: string, options: FixtureOptions, drawn: string[], empty: string[]][] = [
  ["a finished search", {}, ["gain", "importance", "lengths", ...search], []],
  [
    "classification",
    { task: "sequence_classification", trials: 24, wave: 8 },
    ["gain", "importance", "lengths", "labels", ...search],
    [],
  ],
  [
    "a single trial with one parameter",
    { trials: 1, wave: 1, space: { learning_rate: { loguniform: [2e-3, 2.5e-2] } } },
    ["gain", "lengths", ...search],
    ["importance"],
  ],
  [
    "only failures",
    { allEnd: "failed" },
    ["lengths", "parallel"],
    ["importance", "timeline", "gpu-seconds", "adapter"],
  ],
  ["a thousand trials", { trials: 1000, wave: 50 }, ["gain", "importance", "lengths", ...search], []],
];

describe("report.html in a browser without a network", () => {
  it.each(cases)("draws every chart of %s, without a complaint", async (_, options, drawn, empty) => {
    const { page, complaints } = await open(reportFixture(options));
    const found = await charts(page);
    expect(Object.keys(found).sort()).toEqual([...drawn].sort());
    for (const [chart, marks] of Object.entries(found)) expect(marks, chart).toBeGreaterThan(0);
    expect((await each<string>(page, "[data-empty]", "node.dataset.empty")).sort()).toEqual(
      [...empty].sort(),
    );
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("draws a line for each trial in the curves, and no label outside its chart", async () => {
    const input = reportFixture();
    const { page } = await open(input);
    for (const metric of ["train_loss", "eval_loss"]) {
      const lines = await each<number>(
        page,
        `svg[data-chart="curves-${metric}"] path.line`,
        "Number(node.dataset.trial)",
      );
      const recorded = input.trials.filter((t) =>
        input.curves.some((c) => c.subject === t.subject && c.name === metric),
      );
      expect(recorded.length).toBeGreaterThan(6);
      expect(
        lines.sort((a, b) => a - b),
        metric,
      ).toEqual(recorded.map((t) => t.trial));
    }
    const outside = await page.evaluate(
      `[...document.querySelectorAll("svg[data-chart] text")].filter((text) => {
        const [inner, outer] = [text.getBoundingClientRect(), text.closest("svg").getBoundingClientRect()];
        return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
      }).map((text) => text.closest("svg").dataset.chart + ": " + text.textContent)`,
    );
    expect(outside).toEqual([]);
    await page.context().close();
  });

  it("obeys a policy that lets nothing in", async () => {
    const { page, complaints } = await open(reportFixture());
    expect(await page.evaluate(`typeof eval`)).toBe("function");
    await page.evaluate(
      `document.body.insertAdjacentHTML("beforeend", '<img src="https://example.invalid/x.png">')`,
    );
    await expect.poll(() => complaints.some((c) => /Content Security Policy/i.test(c))).toBe(true);
    await page.context().close();
  });

  it("marks a trial everywhere when it is picked, and lets go on Escape", async () => {
    const { page, complaints } = await open(reportFixture());
    await page.locator('[data-pick="3"]').click();
    const marked = () =>
      page.evaluate(
        `[...new Set([...document.querySelectorAll(".pinned")].map((node) => node.dataset.trial))]`,
      );
    expect(await marked()).toEqual(["3"]);
    expect(await page.locator("svg .mark.pinned").count()).toBeGreaterThan(4);
    expect(await page.locator('[data-pick="3"]').getAttribute("aria-pressed")).toBe("true");
    await page.keyboard.press("Escape");
    expect(await marked()).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("tells step and value under the pointer", async () => {
    const input = reportFixture();
    const { page } = await open(input);
    const best = input.stages.selection?.best ?? -1;
    const selector = `svg[data-chart="curves-eval_loss"] path.line[data-trial="${best}"]`;
    await page.locator(selector).scrollIntoViewIfNeeded();
    const [end] = await each<{ x: number; y: number }>(
      page,
      selector,
      "(({ x, y }) => ({ x, y }))(node.getPointAtLength(node.getTotalLength()).matrixTransform(node.getScreenCTM()))",
    );
    if (!end) throw new Error("no line was drawn for the winner");
    await page.mouse.move(end.x - 2, end.y);
    const tip = page.locator("#tip");
    await tip.waitFor({ state: "visible" });
    expect(await tip.locator("b").textContent()).toBe(`trial ${best} · winner`);
    expect(await tip.locator("dt").first().textContent()).toBe("at step 300");
    const last = input.curves.filter((c) => c.subject.endsWith(`-${best}`) && c.name === "eval_loss").at(-1);
    const shown = Number(await tip.locator("dd").first().textContent());
    expect(Math.abs(shown - (last?.value ?? 0))).toBeLessThan(0.01);
    await page.context().close();
  });

  it("sorts the trials by a column, both ways", async () => {
    const { page } = await open(reportFixture());
    const order = () => each<number>(page, "#trials tbody tr", "Number(node.dataset.trial)");
    const heading = page.locator("#trials th button").first();
    await heading.click();
    expect(await order()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await heading.click();
    expect(await order()).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
    await page.context().close();
  });

  it("shows the same charts where scripts are off, and in the dark", async () => {
    const plain = await open(reportFixture(), { scripts: false });
    expect(await plain.page.locator("svg[data-chart]").count()).toBe(9);
    expect(plain.complaints).toEqual([]);
    const dark = await open(reportFixture(), { dark: true });
    const background = await dark.page.evaluate(`getComputedStyle(document.body).backgroundColor`);
    expect(background).toBe("rgb(20, 24, 27)");
    for (const { page } of [plain, dark]) await page.context().close();
  });

  it("names its landmarks, and gives every chart a text", async () => {
    const { page } = await open(reportFixture());
    expect(await page.locator('svg[data-chart]:not([role="img"][aria-label])').count()).toBe(0);
    expect(await page.locator("main").count()).toBe(1);
    expect(await page.locator("h1").count()).toBe(1);
    const broken = await page.evaluate(
      `[...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute("href")).filter((href) => !document.querySelector(href))`,
    );
    expect(broken).toEqual([]);
    await page.context().close();
  });
});
