import { stringify } from "yaml";
import type { Translation } from "./translation.ts";

/** A translation as a workflow file: setup, cache, steps, and clean-up whatever came before. */
export function asWorkflow(translation: Translation): string {
  const { name, trigger, environment, setupCommands, steps, cleanupCommands, cachePaths } = translation;
  const cache = { name: "Cache", uses: "actions/cache@v4", with: { path: cachePaths.join("\n"), key: "translated" } };
  const job = {
    "runs-on": "ubuntu-latest",
    ...(Object.keys(environment).length > 0 && { env: environment }),
    steps: [
      { name: "Check out", uses: "actions/checkout@v4" },
      ...(cachePaths.length > 0 ? [cache] : []),
      ...setupCommands.map((run, index) => ({ name: `Set up ${index + 1}`, run })),
      ...steps.map(({ name: title, command, workingDir, continueOnError, timeoutSeconds }) => ({
        name: title,
        run: command,
        ...(workingDir && { "working-directory": workingDir }),
        ...(continueOnError === true && { "continue-on-error": true }),
        ...(timeoutSeconds && { "timeout-minutes": Math.ceil(timeoutSeconds / 60) }),
      })),
      ...cleanupCommands.map((run, index) => ({ name: `Clean up ${index + 1}`, if: "always()", run })),
    ],
  };
  const on = trigger === "schedule" ? { schedule: [{ cron: "0 3 * * *" }] } : trigger;
  return stringify({ name, on, jobs: { translated: job } }, { lineWidth: 0, aliasDuplicateObjects: false });
}
