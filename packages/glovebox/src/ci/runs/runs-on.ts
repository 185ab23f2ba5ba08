import { GloveboxError } from "../../core/index.ts";
import type { JsonValue } from "../../engine/index.ts";
import type { Contexts } from "../expressions/contexts.ts";
import { evaluateTemplated } from "../expressions/interpolate.ts";
import type { RunsOn } from "../workflow/workflow.ts";

/** The ready-made template for jobs. */
export const DEFAULT_TEMPLATE = "ci";

/** Labels of GitHub's own that are true of every sandbox here: they choose nothing. */
const TRUE_OF_ALL = new Set(["self-hosted", "linux", "x64"]);
const UBUNTU = /^ubuntu-(latest|slim|\d{2}\.\d{2})$/;

/** Reads a list of `label=template`, as the configuration has it. `invalid_argument` on one that is none. */
export function parseLabels(list: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    list.map((entry) => {
      const at = entry.indexOf("=");
      if (at > 0 && at < entry.length - 1) return [entry.slice(0, at).toLowerCase(), entry.slice(at + 1)];
      throw new GloveboxError("invalid_argument", `${JSON.stringify(entry)} is not label=template`, {
        details: { path: "ci.runsOn" },
      });
    }),
  );
}

/**
 * The template that a `runs-on` maps to. `labels`: what was configured, without regard to case; `ubuntu-…` is the ready-made template unless it says otherwise.
 * `invalid_argument` names a label that nothing is known of, or labels of two templates.
 */
export function templateFor(runsOn: RunsOn, contexts: Contexts, labels: Readonly<Record<string, string>>): string {
  const asked = labelsOf(runsOn, contexts);
  const found = new Map<string, string>();
  for (const label of asked) {
    const template = templateOf(label.toLowerCase(), labels);
    if (template !== undefined) found.set(template, label);
    else if (!TRUE_OF_ALL.has(label.toLowerCase())) throw unknownLabel(label, labels);
  }
  const [template, ...others] = found.keys();
  if (others.length === 0) return template ?? DEFAULT_TEMPLATE;
  throw new GloveboxError("invalid_argument", `the labels ${asked.join(", ")} belong to several templates`, {
    details: { path: "runs-on", templates: [...found.keys()] },
  });
}

function templateOf(label: string, labels: Readonly<Record<string, string>>): string | undefined {
  if (Object.hasOwn(labels, label)) return labels[label];
  return UBUNTU.test(label) ? DEFAULT_TEMPLATE : undefined;
}

function labelsOf(runsOn: RunsOn, contexts: Contexts): readonly string[] {
  if (typeof runsOn === "string") return textsOf(evaluateTemplated(runsOn, contexts));
  if (Array.isArray(runsOn)) return runsOn.flatMap((one) => textsOf(evaluateTemplated(one, contexts)));
  const { group, labels } = runsOn as Exclude<RunsOn, string | readonly string[]>;
  if (group !== undefined) {
    throw new GloveboxError("invalid_argument", "runs-on names a group of runners: there are none here, use labels", {
      details: { path: "runs-on.group" },
    });
  }
  return labelsOf(labels, contexts);
}

/** An expression may give one label, a list of them, or an object with them. */
function textsOf(value: JsonValue): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value === "object" && value !== null && "labels" in value) return textsOf(value.labels ?? null);
  if (typeof value === "string" && value !== "") return [value];
  throw new GloveboxError("invalid_argument", "runs-on must be a label or a list of labels", {
    details: { path: "runs-on" },
  });
}

function unknownLabel(label: string, labels: Readonly<Record<string, string>>): GloveboxError {
  const known = ["ubuntu-*", ...Object.keys(labels), ...TRUE_OF_ALL].join(", ");
  return new GloveboxError("invalid_argument", `no template is known for the label ${label} of runs-on`, {
    details: { path: "runs-on", hint: `labels are mapped by ci.runsOn or by the repository; known are ${known}` },
  });
}
