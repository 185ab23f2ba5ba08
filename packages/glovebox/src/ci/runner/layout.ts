/** Where things of a job are inside its sandbox. All of it is in the workspace, so that snapshots hold it. */
const ROOT = "/workspace/.runner";

export const LAYOUT = {
  /** GITHUB_WORKSPACE */
  workspace: "/workspace/repo",
  root: ROOT,
  event: `${ROOT}/event.json`,
  /** RUNNER_TEMP */
  temp: `${ROOT}/temp`,
  /** RUNNER_TOOL_CACHE */
  tools: `${ROOT}/tools`,
  home: `${ROOT}/home`,
  /** Of other repositories, a folder each. */
  actions: `${ROOT}/actions`,
  /** A folder for each process that a step runs, with its script and what it says to the runner. */
  steps: `${ROOT}/steps`,
  /** A copy of what the job masks beside its secrets: it is asked for after a crash alone. */
  masks: `${ROOT}/masks.json`,
} as const;

/** The files that a program may write to, by the variable that names each. */
export const COMMAND_FILES = {
  GITHUB_ENV: "env",
  GITHUB_OUTPUT: "output",
  GITHUB_PATH: "path",
  GITHUB_STATE: "state",
  GITHUB_STEP_SUMMARY: "summary",
} as const;

export type CommandFile = (typeof COMMAND_FILES)[keyof typeof COMMAND_FILES];

export function stepFolder(key: string): string {
  return `${LAYOUT.steps}/${key}`;
}
