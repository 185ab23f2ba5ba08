import type { CodeLanguage } from "../../code/code-file.ts";
import type { RepositoryBench } from "../../workbench/repository-bench.ts";

const CHECK_MS = 120_000;

/** What the repository's own type checker says; `undefined` where it has none, or it is not there. */
export async function typesHold(repository: RepositoryBench, language: CodeLanguage): Promise<boolean | undefined> {
  if (language === "typescript") {
    const tsc = "node_modules/typescript/bin/tsc";
    const isThere = (await repository.run(["test", "-f", tsc, "-a", "-f", "tsconfig.json"])).exitCode === 0;
    return isThere ? await succeeds(repository, ["node", tsc, "--noEmit", "-p", "."]) : undefined;
  }
  if (language !== "python") return undefined;
  const wants = await repository.run(["sh", "-c", "test -f mypy.ini || grep -qs '^\\[tool.mypy' pyproject.toml"]);
  const has = wants.exitCode === 0 && (await repository.run(["python3", "-m", "mypy", "--version"])).exitCode === 0;
  return has ? await succeeds(repository, ["python3", "-m", "mypy", "."]) : undefined;
}

async function succeeds(repository: RepositoryBench, argv: readonly string[]): Promise<boolean> {
  return (await repository.run(argv, { timeoutMs: CHECK_MS })).exitCode === 0;
}
