import { ExitError, UsageError } from "../failure.ts";

/** Asks before something is lost. In a pipe, where nobody can answer, `--yes` must have been given. */
export async function confirmLoss(what: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw new UsageError(`${what} cannot be undone`, "add --yes if that is meant");
  }
  const { confirm } = await import("@clack/prompts");
  const answer = await confirm({
    message: `${what} cannot be undone. Go on?`,
    initialValue: false,
    output: process.stderr,
  });
  if (answer !== true) throw new ExitError(130);
}
