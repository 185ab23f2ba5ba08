import { isMapping, isSequence } from "@actions/workflow-parser/templates/tokens/type-guards";
import { compilePattern } from "./glob.ts";
import { omitUndefined } from "./omit-undefined.ts";
import { readInputs } from "./read-inputs.ts";
import { isNull, type TemplateToken, type TokenReader } from "./token-reader.ts";
import type { CallInterface, EventFilter, Schedule, Triggers } from "./workflow.ts";

/** `on:` in each of its forms: a name, a list of names, a mapping with filters. */
export function readTriggers(tokens: TokenReader, token: TemplateToken | undefined): Triggers {
  if (token === undefined || !isMapping(token)) {
    const events = tokens.list(token).map((name) => [name, {}] as const);
    return {
      events: Object.fromEntries(events),
      schedule: [],
      ...specialEvents(tokens, new Map(events.map(([name]) => [name, undefined]))),
    };
  }
  const fields = tokens.fields(token);
  const events = [...fields].map(([name, value]) => [name, isMapping(value) ? readFilter(tokens, name, value) : {}]);
  return {
    events: Object.fromEntries(events),
    schedule: readSchedule(tokens, fields.get("schedule")),
    ...specialEvents(tokens, fields),
  };
}

function specialEvents(
  tokens: TokenReader,
  events: ReadonlyMap<string, TemplateToken | undefined>,
): Pick<Triggers, "dispatch" | "call"> {
  const dispatch = events.has("workflow_dispatch") ? readDispatch(tokens, events.get("workflow_dispatch")) : undefined;
  const call = events.has("workflow_call") ? readCall(tokens, events.get("workflow_call")) : undefined;
  return omitUndefined({ dispatch, call });
}

const PATTERN_FILTERS = {
  branches: "branches",
  "branches-ignore": "branchesIgnore",
  tags: "tags",
  "tags-ignore": "tagsIgnore",
  paths: "paths",
  "paths-ignore": "pathsIgnore",
} as const;

function readFilter(tokens: TokenReader, event: string, token: TemplateToken): EventFilter {
  const fields = tokens.fields(token);
  const filter: Record<string, readonly string[]> = {};
  for (const name of ["types", "workflows"] as const) {
    const value = fields.get(name);
    if (value !== undefined) filter[name] = tokens.list(value);
  }
  for (const [written, name] of Object.entries(PATTERN_FILTERS)) {
    const value = fields.get(written);
    if (value === undefined) continue;
    filter[name] = tokens.list(value);
    checkPatterns(tokens, value, name.endsWith("Ignore"));
  }
  for (const name of ["branches", "tags", "paths"]) {
    if (!fields.has(name) || !fields.has(`${name}-ignore`)) continue;
    tokens.problems.add(
      `you may only define one of \`${name}\` and \`${name}-ignore\` for a single event ('${event}')`,
      fields.get(name),
    );
  }
  return filter;
}

/** Each is held against each changed file. */
const MAX_PATTERNS = 500;

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet */
function checkPatterns(tokens: TokenReader, token: TemplateToken, ignores: boolean): void {
  const items = isSequence(token) ? [...token] : [token];
  const texts = items.map((item) => tokens.text(item));
  if (texts.length > MAX_PATTERNS) tokens.problems.add(`A filter can have at most ${MAX_PATTERNS} patterns`, token);
  for (const [index, item] of items.entries()) {
    try {
      compilePattern(texts[index] ?? "");
    } catch (error) {
      tokens.problems.add(error instanceof Error ? error.message : String(error), item);
    }
  }
  if (!ignores && texts.length > 0 && texts.every((text) => text.startsWith("!"))) {
    tokens.problems.add(
      "A filter with only '!' patterns never matches: at least one pattern without '!' must be there",
      token,
      "warning",
    );
  }
}

/** Five fields of digits, names, `*`, `,`, `-` and `/`; whether the values are in range is for whoever keeps the time. */
const CRON = /^[\d*,/-]+\s+[\d*,/-]+\s+[\d*,/-]+\s+[\dA-Za-z*,/-]+\s+[\dA-Za-z*,/-]+$/;

function readSchedule(tokens: TokenReader, token: TemplateToken | undefined): readonly Schedule[] {
  if (token === undefined || !isSequence(token)) return [];
  return [...token].map((item) => {
    const fields = tokens.fields(item);
    const cron = tokens.optionalText(fields.get("cron")) ?? "";
    if (!CRON.test(cron.trim()))
      tokens.problems.add(`Invalid cron expression '${cron}': five fields are needed`, fields.get("cron") ?? item);
    const timezone = fields.get("timezone");
    if (timezone !== undefined && !isTimeZone(tokens.text(timezone))) {
      tokens.problems.add(`Unknown time zone '${tokens.text(timezone)}'`, timezone);
    }
    return { cron: cron.trim(), ...omitUndefined({ timezone: tokens.optionalText(timezone) }) };
  });
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function readDispatch(tokens: TokenReader, token: TemplateToken | undefined): NonNullable<Triggers["dispatch"]> {
  const fields = token !== undefined && isMapping(token) ? tokens.fields(token) : undefined;
  return { inputs: readInputs(tokens, fields?.get("inputs")) };
}

function readCall(tokens: TokenReader, token: TemplateToken | undefined): CallInterface {
  const fields = token !== undefined && isMapping(token) ? tokens.fields(token) : new Map<string, TemplateToken>();
  const secrets = [...tokens.fields(fields.get("secrets"))].map(([name, value]) => {
    const required = isNull(value) ? undefined : tokens.fields(value).get("required");
    return [name, { required: required !== undefined && tokens.boolean(required) === true }];
  });
  const outputs = [...tokens.fields(fields.get("outputs"))].map(([name, value]) => {
    return [name, tokens.optionalText(tokens.fields(value).get("value")) ?? ""];
  });
  return {
    inputs: readInputs(tokens, fields.get("inputs")),
    secrets: Object.fromEntries(secrets),
    outputs: Object.fromEntries(outputs),
  };
}
