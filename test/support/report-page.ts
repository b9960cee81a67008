import { buildReportData, type ReportInput } from "../../activities/report/data/build";
import { loadAssets } from "../../activities/report/html/assets";
import { renderHtml } from "../../activities/report/html/page";
import { repositoryRoot } from "../../infra/setup/home.mjs";

/** The report of these records, as a person gets it. */
export const renderPage = async (input: ReportInput): Promise<string> =>
  renderHtml(buildReportData(input), await loadAssets(repositoryRoot()));
