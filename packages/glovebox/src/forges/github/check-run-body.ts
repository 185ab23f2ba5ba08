import type { CiAnnotation } from "../../core/index.ts";
import type { CheckRunReport } from "../forge-reports.ts";

/** What GitHub takes: https://docs.github.com/en/rest/checks/runs */
export const MAX_SUMMARY = 65_535;
export const MAX_COMMENT = 65_536;
export const MAX_DESCRIPTION = 140;
const MAX_TITLE = 255;
const MAX_MESSAGE = 16_000;

const LEVELS = { notice: "notice", warning: "warning", error: "failure" } as const;

/** A check run as the API takes it, for making and for changing one. */
export function checkRunBody(report: CheckRunReport): Record<string, unknown> {
  const { name, externalId, status, conclusion, startedAtMs, completedAtMs, detailsUrl } = report;
  return {
    name,
    external_id: externalId,
    status,
    ...(conclusion !== undefined && { conclusion }),
    ...(startedAtMs !== undefined && { started_at: new Date(startedAtMs).toISOString() }),
    ...(completedAtMs !== undefined && { completed_at: new Date(completedAtMs).toISOString() }),
    ...(detailsUrl !== undefined && { details_url: detailsUrl }),
    output: {
      title: report.title.slice(0, MAX_TITLE),
      summary: cutTo(report.summary, MAX_SUMMARY),
      ...(report.annotations.length > 0 && { annotations: report.annotations.map(toAnnotation) }),
    },
  };
}

/** GitHub's need a file and a line; what has none is shown at the top of the repository. */
function toAnnotation(annotation: CiAnnotation): Record<string, unknown> {
  const { level, message, title, path = ".github", line = 1, column, endColumn } = annotation;
  const endLine = Math.max(line, annotation.endLine ?? line);
  // Columns are taken on one line only.
  const columns = endLine === line && column !== undefined;
  return {
    path,
    start_line: line,
    end_line: endLine,
    annotation_level: LEVELS[level],
    message: message === "" ? "(no message)" : message.slice(0, MAX_MESSAGE),
    ...(title !== undefined && title !== "" && { title: title.slice(0, MAX_TITLE) }),
    ...(columns && { start_column: column, end_column: Math.max(column, endColumn ?? column) }),
  };
}

/** Characters are bytes at worst four times; a limit of bytes is kept by cutting at the bytes. */
function cutTo(text: string, bytes: number): string {
  const whole = Buffer.from(text, "utf8");
  if (whole.length <= bytes) return text;
  const end = "\n\n… cut";
  return (
    whole
      .subarray(0, bytes - Buffer.byteLength(end))
      .toString("utf8")
      .replace(/\ufffd+$/, "") + end
  );
}
