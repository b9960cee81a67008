import type { DatasetProfile } from "../../../workflows/contracts";
import { count, number, percent, plural, short } from "./format";
import type { DatasetView, Fact } from "./report-data";

/** The profile as facts: what a practitioner checks before believing a score. */
export function datasetView(profile: DatasetProfile | null): DatasetView | null {
  if (!profile) return null;
  const { rows, tokenLengths, truncation, duplicates, leakage } = profile;
  const leaked = leakage.exact + leakage.near;
  const facts: Fact[] = [
    { label: "Format", value: profile.format.replaceAll("_", " "), note: profile.formatReason },
    {
      label: "Rows",
      value: count(rows.used),
      note: rows.used === rows.read ? "all that were read" : `of ${count(rows.read)} read`,
    },
    {
      label: "Splits",
      value: `${count(rows.train)} / ${count(rows.validation)} / ${count(rows.test)}`,
      note: "training / validation / test",
    },
    {
      label: "Length",
      value: `${number(tokenLengths.median)} tokens`,
      note: `median; 95 % below ${number(tokenLengths.p95)}, longest ${count(tokenLengths.max)}`,
    },
    {
      label: "Learnt tokens",
      value: count(tokenLengths.labelTokens),
      note: "carry a loss, in the training rows",
    },
    {
      label: "Too long",
      value: truncation.rows === 0 ? "none" : `${count(truncation.rows)} (${percent(truncation.share)})`,
      note: `policy ${truncation.policy.replaceAll("_", " ")}`,
    },
    {
      label: "Duplicates",
      value:
        duplicates.exact + duplicates.near === 0
          ? "none"
          : `${count(duplicates.exact)} exact, ${count(duplicates.near)} near`,
      note: "kept within one split",
    },
    {
      label: "Leakage",
      value: leaked === 0 ? "none found" : plural(leaked, "row"),
      note:
        leaked === 0
          ? "no test or validation row resembles a training row"
          : `${count(leakage.exact)} exact, ${count(leakage.near)} near`,
    },
    { label: "Template", value: profile.template.source, note: profile.template.sha256?.slice(0, 12) },
    { label: "Bytes per token", value: short(profile.bytesPerToken) },
  ];
  if (profile.groups) {
    facts.push({
      label: "Groups",
      value: count(profile.groups.count),
      note: `by ${profile.groups.column}, each within one of the splits drawn here`,
    });
  }
  return { facts, profile };
}
