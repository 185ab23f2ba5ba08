import { GloveboxError, type Run } from "../core/index.ts";
import type { Program } from "./program.ts";

/** The programs that an engine knows, by name and version. */
export class ProgramRegistry {
  readonly #programs = new Map<string, Map<string, Program>>();

  /** `already_exists` when another program has that name and version. */
  add(program: Program): void {
    const versions = this.#programs.get(program.name) ?? new Map<string, Program>();
    const known = versions.get(program.version);
    if (known !== undefined && known !== program) {
      throw new GloveboxError("already_exists", `there is a program ${program.name} ${program.version} already`);
    }
    versions.set(program.version, program);
    this.#programs.set(program.name, versions);
  }

  /** In the order in which they came. */
  all(): readonly Program[] {
    return [...this.#programs.values()].flatMap((versions) => [...versions.values()]);
  }

  /** The program that can go on with a run: of its version, or one that declares that it continues it. `journal_mismatch`, saying what there is, when none can. */
  for({ id, program, version }: Pick<Run, "id" | "program" | "version">): Program {
    const versions = this.#programs.get(program);
    const found =
      versions?.get(version) ??
      [...(versions?.values() ?? [])].findLast(({ continues }) => continues.some((one) => one.version === version));
    if (found !== undefined) return found;
    const known = [...(versions?.keys() ?? [])];
    const there = known.length === 0 ? "no version of it is registered" : `registered: ${known.join(", ")}`;
    throw new GloveboxError("journal_mismatch", `run ${id} was written by ${program} ${version}; ${there}`, {
      details: { runId: id, program, version, registered: known },
    });
  }
}
