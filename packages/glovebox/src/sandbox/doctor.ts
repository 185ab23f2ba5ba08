import { access, constants } from "node:fs/promises";
import type { Isolation, Language } from "../core/index.ts";
import { asReports, findLanguages, type LanguageReport } from "./doctor-languages.ts";
import type { DriverCapabilities, IsolationDriver, ProbeResult } from "./driver.ts";
import { ISOLATION_PREFERENCE } from "./isolation-preference.ts";

/** The shape of `glovebox doctor --json`: a fixed point. */
export interface DoctorReport {
  /** Version of the Node that runs Glovebox. */
  readonly node: string;
  /** `linux-x64` and the like. */
  readonly platform: string;
  /** Whether hardware virtualization was seen to work. Only a driver that boots a guest can see that. */
  readonly kvm: boolean;
  readonly kvmReason?: string;
  readonly isolations: readonly IsolationReport[];
  readonly languages: readonly LanguageReport[];
  /** What a session gets that names no isolation, and why that one. */
  readonly default?: Isolation;
  readonly why: string;
  /** Whether code can be run: at least one isolation and one language work. */
  readonly ok: boolean;
}

export interface IsolationReport {
  readonly name: Isolation;
  readonly available: boolean;
  readonly version?: string;
  /** Why it is not available. */
  readonly reason?: string;
  readonly capabilities?: DriverCapabilities;
  /** Milliseconds from asking for a sandbox to the first answer of a program in it. */
  readonly startMs?: number;
  /** What works less well here than it could. */
  readonly notes?: readonly string[];
}

const ISOLATIONS: readonly Isolation[] = ["isolate", "bubblewrap", "gvisor", "microvm", "firecracker"];

/** Probes every driver by starting something in it, one after the other so that their times mean something. Never throws. */
export async function diagnose(
  drivers: ReadonlyMap<Isolation, IsolationDriver>,
  signal?: AbortSignal,
): Promise<DoctorReport> {
  const isolations: IsolationReport[] = [];
  const languages = new Map<Language, LanguageReport>();
  let kvm: boolean | undefined;
  for (const name of ISOLATIONS) {
    const driver = drivers.get(name);
    const probe: ProbeResult = driver
      ? await driver.probe(signal)
      : { available: false, reason: "this version of Glovebox has no driver for it" };
    isolations.push(toReport(name, probe));
    // One driver that saw a guest boot is enough, whatever another made of it.
    if (probe.available && probe.kvm !== undefined) kvm = kvm === true || probe.kvm;
    if (driver === undefined || !probe.available) continue;
    const { versions, capabilities } = probe;
    const seen = versions ? asReports(versions, name) : await findLanguages(driver, capabilities.languages, signal);
    for (const found of seen) {
      const before = languages.get(found.name);
      languages.set(
        found.name,
        before === undefined ? found : { ...before, isolations: [...before.isolations, ...found.isolations] },
      );
    }
  }
  return {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    ...(await describeKvm(kvm)),
    isolations,
    languages: [...languages.values()],
    ...chooseDefault(isolations),
    ok: isolations.some(({ available }) => available) && languages.size > 0,
  };
}

function chooseDefault(reports: readonly IsolationReport[]): { readonly default?: Isolation; readonly why: string } {
  const passedOver: string[] = [];
  for (const name of ISOLATION_PREFERENCE) {
    const report = reports.find((candidate) => candidate.name === name);
    if (report?.available === true) return { default: name, why: [`${name} works here`, ...passedOver].join("; ") };
    passedOver.push(`${name}: ${report?.reason ?? "unknown"}`);
  }
  return { why: `none works here: ${passedOver.join("; ")}` };
}

function toReport(name: Isolation, probe: ProbeResult): IsolationReport {
  if (!probe.available)
    return { name, available: false, reason: probe.reason, ...(probe.version && { version: probe.version }) };
  const { version, capabilities, startMs, notes } = probe;
  return {
    name,
    available: true,
    version,
    capabilities,
    startMs: Math.round(startMs * 10) / 10,
    ...(notes.length > 0 && { notes }),
  };
}

/** Opening /dev/kvm proves nothing (guests can hang on it): only a driver that booted one, or could not, knows. */
async function describeKvm(seen: boolean | undefined): Promise<{ kvm: boolean; kvmReason?: string }> {
  if (seen) return { kvm: true };
  try {
    await access("/dev/kvm", constants.R_OK | constants.W_OK);
    return {
      kvm: false,
      kvmReason:
        seen === undefined
          ? "/dev/kvm can be opened, but no driver works here that boots a guest to prove that it works"
          : "/dev/kvm can be opened, but a guest does not boot with it",
    };
  } catch {
    return { kvm: false, kvmReason: "/dev/kvm is missing or may not be opened" };
  }
}
