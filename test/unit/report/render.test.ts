import { describe, expect, it } from "vitest";
import { buildReportData } from "../../../activities/report/data/build";
import { renderMarkdown } from "../../../activities/report/markdown/document";
import { reportFixture } from "../../support/report-fixture";
import { renderPage } from "../../support/report-page";

const hostile = `</script><script>alert("x")</script><img src=x onerror=alert(1)> | \`code\` \u0001`;

function hostileInput() {
  const input = reportFixture();
  input.run.name = hostile;
  input.stages.resolved.spec.description = hostile;
  for (const side of [input.stages.base, input.stages.best]) {
    side?.samples.splice(0, 1, { prompt: hostile, expected: hostile, got: hostile });
  }
  const failed = input.trials[0];
  if (failed) Object.assign(failed, { state: "failed", error: { type: "Internal", message: hostile } });
  if (input.profile) input.profile.examples = [{ prompt: hostile, completion: hostile }];
  return input;
}

describe("report.html", () => {
  it("shows text from elsewhere as text", async () => {
    const page = await renderPage(hostileInput());
    expect(page).not.toContain("<img");
    expect(page).not.toContain("<script>alert");
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;");
  });

  it("says what was measured where there are no test rows, and what went otherwise than asked for", async () => {
    const input = reportFixture();
    if (input.stages.dataset) input.stages.dataset.rows.test = 0;
    input.stages.warnings = ["not uploaded to me/it: no token"];
    for (const text of [await renderPage(input), renderMarkdown(buildReportData(input))]) {
      expect(text).toContain("validation rows, paired bootstrap");
      expect(text).toContain("by which the search chose: there are no test rows");
      expect(text).not.toMatch(/test rows, (which|paired)|test rows were used/);
      expect(text).toContain("not uploaded to me/it: no token");
    }
  });

  it("names nothing outside itself", async () => {
    const page = await renderPage(reportFixture());
    const addresses = [...page.matchAll(/(?:src|href|action)="([^"]*)"/g)].map((m) => m[1]);
    expect(addresses.filter((a) => !a?.startsWith("#"))).toEqual(["data:,"]);
    expect(page).not.toMatch(/@import|url\(|\sstyle="/);
  });

  it("stays small with a thousand trials", async () => {
    const page = await renderPage(reportFixture({ trials: 1000, wave: 50 }));
    expect(Buffer.byteLength(page)).toBeLessThan(1_500_000);
    expect(page).toContain("The best 200 of 1,000 trials");
  });

  it("is the same for the same record", async () => {
    expect(await renderPage(reportFixture())).toBe(await renderPage(reportFixture()));
  });
});

describe("report.md", () => {
  it("holds the facts of the page", () => {
    const data = buildReportData(reportFixture());
    const text = renderMarkdown(data);
    expect(text).toContain(`**${data.headline.sentence}**`);
    expect(text).toContain("Reproducible at L3");
    expect(text).toContain('model = peft.PeftModel.from_pretrained(base, "out/adapter")');
    expect(text).toContain("npx belay verify commands-1f3a9c2e");
    expect(text).toContain(data.reproducibility.manifest.sha256);
    for (const t of data.trials) expect(text).toContain(t.ended);
  });

  it("keeps every table's width, whatever is in the cells", () => {
    const lines = renderMarkdown(buildReportData(hostileInput())).split("\n");
    const cells = (line: string) => line.replace(/\\\|/g, "").split("|").length;
    let width = 0;
    let tables = 0;
    for (const line of lines) {
      if (!line.startsWith("| ")) width = 0;
      else if (width === 0) {
        width = cells(line);
        tables += 1;
      } else expect(cells(line), line).toBe(width);
    }
    expect(tables).toBeGreaterThan(6);
  });

  it("has something to say when nothing completed", () => {
    const text = renderMarkdown(buildReportData(reportFixture({ allEnd: "failed" })));
    expect(text).toContain("None of the 8 trials completed.");
    expect(text).toContain("None: the search has no winner.");
  });
});
