import type { RunRecord } from "@glovebox/sdk";
import type { Colours } from "./colours.ts";
import { printableLine } from "./printable.ts";

/** A record of a journal on one line: seq, time, type, step, attempt, payload. */
export function recordLine(record: RunRecord, colours: Colours): string {
  const { seq, ts, type, step = "", attempt, payload, erased } = record;
  const time = Number.isFinite(ts) && Math.abs(ts) <= 8.64e15 ? new Date(ts).toISOString().slice(11, 23) : String(ts);
  const where = attempt === undefined || attempt <= 1 ? step : `${step} (${attempt})`;
  const what = erased === true ? "(erased)" : JSON.stringify(payload);
  const head = `${colours.dim(String(seq).padStart(6))}  ${colours.dim(printableLine(time))}`;
  return `${head}  ${typeText(type, colours)}  ${printableLine(where)}  ${colours.dim(printableLine(what, 1000))}`;
}

function typeText(type: string, colours: Colours): string {
  const text = printableLine(type).padEnd(16);
  if (/\.(failed|exceeded|denied)$/.test(type)) return colours.red(text);
  if (/\.(retried|cancelled|waiting)$|^rollback$/.test(type)) return colours.yellow(text);
  return type.endsWith(".completed") ? colours.green(text) : colours.cyan(text);
}
