import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS, type Isolation, type Language, newId } from "../core/index.ts";
import type { IsolationDriver, Sandbox } from "./driver.ts";

export interface LanguageReport {
  readonly name: Language;
  /** What the language said of itself in a sandbox. */
  readonly version: string;
  readonly isolations: readonly Isolation[];
}

const VERSION_ARGV: Readonly<Record<Language, readonly string[]>> = {
  python: ["python3", "--version"],
  javascript: ["node", "--version"],
  typescript: ["node", "--version"],
  bash: ["bash", "-c", "echo $BASH_VERSION"],
  rust: ["rustc", "--version"],
};

/** Asks each language for its version inside a sandbox; one that does not answer is left out. */
export async function findLanguages(
  driver: IsolationDriver,
  candidates: readonly Language[],
  signal?: AbortSignal,
): Promise<LanguageReport[]> {
  const workspaceDir = await mkdtemp(join(tmpdir(), "glovebox-doctor-"));
  try {
    const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
    await using sandbox = await driver.create(
      {
        id: newId(),
        workspaceDir,
        limits: { cpus, memoryMb, pids, openFiles, diskMb },
        allowPartial: true,
        env: {},
        languages: candidates,
        outliveServer: false,
      },
      signal,
    );
    return asReports(await askVersions(sandbox, candidates, signal), driver.isolation);
  } catch {
    return [];
  } finally {
    await rm(workspaceDir, { recursive: true, force: true });
  }
}

export type LanguageVersions = Readonly<Partial<Record<Language, string>>>;

export function asReports(versions: LanguageVersions, isolation: Isolation): LanguageReport[] {
  return (Object.entries(versions) as [Language, string][]).map(([name, version]) => ({
    name,
    version,
    isolations: [isolation],
  }));
}

/** What each language says of its version in a sandbox; one that does not answer is left out. */
export async function askVersions(
  sandbox: Sandbox,
  candidates: readonly Language[],
  signal?: AbortSignal,
): Promise<LanguageVersions> {
  const versions: Partial<Record<Language, string>> = {};
  for (const name of candidates) {
    const version = await askVersion(sandbox, name, signal);
    if (version !== undefined) versions[name] = version;
  }
  return versions;
}

/** A driver without programs names its engine; `probe` has shown that it runs. */
async function askVersion(sandbox: Sandbox, language: Language, signal?: AbortSignal): Promise<string | undefined> {
  if (sandbox.isolation === "isolate") return "QuickJS";
  try {
    const limits = { wallMs: 10_000 };
    const process = await sandbox.spawn(
      { kind: "program", argv: VERSION_ARGV[language], stdin: "null", limits },
      signal,
    );
    let text = "";
    let code: number | undefined;
    for await (const item of process.output(signal)) {
      if (item.kind === "output") {
        text += Buffer.from(item.data).toString("utf8");
        process.ack(item.stream, item.offset + item.data.length);
      } else if (item.kind === "exit") code = item.exit.code;
      if (text.length > 4096) break;
    }
    process.release();
    return code === 0 ? (text.trim().split("\n")[0] ?? "").slice(0, 200) : undefined;
  } catch {
    return undefined;
  }
}
