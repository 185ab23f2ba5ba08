/**
 * A record of a journal, as far as its graph needs it. Payloads may come from an imported file or from another version of a server: whatever is not of the
 * expected type counts as absent.
 */
export interface TreeRecord {
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly type: string;
  readonly step?: string | undefined;
  readonly attempt?: number | undefined;
  readonly payload: unknown;
}

const MAX_TEXT = 500;

/** A field of a payload, when there is one. */
export function fieldOf(payload: unknown, name: string): unknown {
  if (typeof payload !== "object" || payload === null || !Object.hasOwn(payload, name)) return undefined;
  return (payload as Readonly<Record<string, unknown>>)[name];
}

/** Cut after 500 characters. */
export function textOf(payload: unknown, name: string): string | undefined {
  const value = fieldOf(payload, name);
  if (typeof value !== "string") return undefined;
  return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT - 1)}…` : value;
}

export function numberOf(payload: unknown, name: string): number | undefined {
  const value = fieldOf(payload, name);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function errorOf(payload: unknown): { readonly code: string; readonly message: string } | undefined {
  const error = fieldOf(payload, "error");
  if (typeof error !== "object" || error === null) return undefined;
  return { code: textOf(error, "code") ?? "internal", message: textOf(error, "message") ?? "" };
}
