import type { Comparison, DOCUMENT_FIELDS, Filter, FilterValue } from "./filter.ts";

export interface SqlCondition {
  readonly sql: string;
  readonly parameters: readonly (string | number | null)[];
}

const OPERATORS: Readonly<Record<Exclude<Comparison, "eq" | "ne">, string>> = { lt: "<", le: "<=", gt: ">", ge: ">=" };

const COLUMNS: Readonly<Record<(typeof DOCUMENT_FIELDS)[number], string>> = {
  id: "d.id",
  scope: "d.scope",
  kind: "d.kind",
  path: "d.path",
  origin: "v.origin",
  version: "v.version",
  createdAt: "v.created_at",
  pinned: "d.pinned",
};

/**
 * A condition over `d` (document) and `v` (its version). Values go in as parameters, never as text; field names were checked by the parser. A field that a document does not have is
 * null: equal to null only, and neither less nor more than anything. Texts and numbers are never compared with each other.
 */
export function toSql(filter: Filter): SqlCondition {
  if ("and" in filter) return joined(filter.and, " AND ");
  if ("or" in filter) return joined(filter.or, " OR ");
  if ("not" in filter) {
    const { sql, parameters } = toSql(filter.not);
    return { sql: `NOT (${sql})`, parameters };
  }
  if ("values" in filter) {
    const isOneOf = joined(
      filter.values.map((value) => ({ op: "eq", field: filter.field, value })),
      " OR ",
    );
    return filter.op === "in" ? isOneOf : { ...isOneOf, sql: `NOT (${isOneOf.sql})` };
  }
  const { op, field, value } = filter;
  if (op === "ne") return toSql({ not: { op: "eq", field, value } });
  return op === "eq" ? equal(field, value) : ordered(field, OPERATORS[op], value as string | number);
}

function joined(parts: readonly Filter[], by: string): SqlCondition {
  if (parts.length === 0) return { sql: "0", parameters: [] };
  const all = parts.map(toSql);
  return { sql: `(${all.map(({ sql }) => sql).join(by)})`, parameters: all.flatMap(({ parameters }) => parameters) };
}

function equal(field: string, value: FilterValue): SqlCondition {
  const { sql, type } = reach(field);
  if (value === null) return { sql: `(${sql}) IS NULL`, parameters: [] };
  if (typeof value === "boolean") return { sql: isBoolean(field, sql, type, value), parameters: [] };
  return { sql: `coalesce((${ofType(field, type, value)}) AND (${sql}) = ?, 0)`, parameters: [value] };
}

function ordered(field: string, operator: string, value: string | number): SqlCondition {
  const { sql, type } = reach(field);
  return { sql: `coalesce((${ofType(field, type, value)}) AND (${sql}) ${operator} ?, 0)`, parameters: [value] };
}

function isBoolean(field: string, sql: string, type: string, value: boolean): string {
  if (field === "pinned") return `(${sql}) = ${value ? 1 : 0}`;
  return `coalesce((${type}) = '${value}', 0)`;
}

/** Texts with texts, numbers with numbers. */
function ofType(field: string, type: string, value: string | number): string {
  if (field.startsWith("metadata.")) {
    return typeof value === "string" ? `(${type}) = 'text'` : `(${type}) IN ('integer', 'real')`;
  }
  const isNumber = field === "version";
  return isNumber === (typeof value === "number") && field !== "pinned" ? "1" : "0";
}

function reach(field: string): { readonly sql: string; readonly type: string } {
  const column = COLUMNS[field as keyof typeof COLUMNS];
  if (column !== undefined) return { sql: column, type: `typeof(${column})` };
  const names = field.split(".").slice(1);
  // Names are letters, digits, `_` and `-` only: the parser saw to it.
  const path = `'$${names.map((name) => `."${name}"`).join("")}'`;
  return { sql: `json_extract(v.metadata, ${path})`, type: `json_type(v.metadata, ${path})` };
}
