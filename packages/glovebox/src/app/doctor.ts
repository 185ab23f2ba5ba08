import type { Isolation } from "../core/index.ts";
import { type DoctorReport, diagnose, type IsolationDriver } from "../sandbox/index.ts";

/** The report of the first question is kept, since probing takes seconds and changes rarely; `fresh` probes again. */
export function keepDiagnosis(
  drivers: ReadonlyMap<Isolation, IsolationDriver>,
): (options: { readonly fresh: boolean }) => Promise<DoctorReport> {
  let kept: Promise<DoctorReport> | undefined;
  return ({ fresh }) => {
    if (fresh || kept === undefined) kept = diagnose(drivers);
    return kept;
  };
}
