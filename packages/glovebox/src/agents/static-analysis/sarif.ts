import type { Log, ReportingDescriptor, Result } from "sarif";
import type { Severity } from "../messages/artifact.ts";
import type { Finding } from "./finding.ts";

/** A finding with the file that it is in. */
export interface FoundIn extends Finding {
  readonly path: string;
}

const LEVELS = { info: "note", warn: "warning", error: "error" } as const satisfies Record<Severity, Result.level>;

/** Findings as SARIF 2.1.0, as code hosts and editors read it: UTF-16 columns, paths from the repository's root. */
export function toSarif(findings: readonly FoundIn[]): Log {
  const ids = [...new Set(findings.map(({ rule }) => rule))].toSorted();
  const rules = ids.map(
    (id): ReportingDescriptor =>
      ruleOf(
        id,
        findings.find(({ rule }) => rule === id),
      ),
  );
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "glovebox", rules } },
        columnKind: "utf16CodeUnits",
        originalUriBaseIds: { ROOT: { description: { text: "The repository" } } },
        results: findings.map((finding) => resultOf(finding, ids.indexOf(finding.rule))),
      },
    ],
  };
}

function ruleOf(id: string, finding: FoundIn | undefined): ReportingDescriptor {
  const { message = id, suggestion, cwe } = finding ?? {};
  return {
    id,
    shortDescription: { text: message },
    ...(suggestion !== undefined && { help: { text: suggestion } }),
    ...(cwe !== undefined && { properties: { tags: ["security", `external/cwe/cwe-${cwe}`] } }),
  };
}

function resultOf(
  { path, rule, severity, message, line, column, endLine, endColumn }: FoundIn,
  ruleIndex: number,
): Result {
  const uri = path.split("/").map(encodeURIComponent).join("/");
  const region = { startLine: line, startColumn: column, endLine, endColumn };
  return {
    ruleId: rule,
    ruleIndex,
    level: LEVELS[severity],
    message: { text: message },
    locations: [{ physicalLocation: { artifactLocation: { uri, uriBaseId: "ROOT" }, region } }],
  };
}
