import type { Layout } from "../../layout/layout.ts";
import type { Retrieved } from "../../memory/retrieve.ts";

export const SYSTEM = `You change code in a repository. Answer with the files that change, each one whole, as a fenced block that opens with the language and its path:

\`\`\`python path=package/module.py
...
\`\`\`

Change no more than the task needs. Write as the repository writes. Never delete or weaken a test; add one for what you add.`;

const MAX_SHOWN = 100_000;

export interface Asked {
  readonly goal: string;
  readonly layout: Layout;
  readonly files: Readonly<Record<string, string>>;
  readonly retrieved: readonly Retrieved[];
  readonly feedback?: string | undefined;
}

/** The question for one proposal. Its number is in it, so that each is a question of its own. */
export function promptOf({ goal, layout, files, retrieved, feedback }: Asked, number: number, count: number): string {
  const parts = [
    `Task: ${goal}`,
    `The repository is written in ${layout.language}; modules lie in ${layout.sourceFolder === "" ? "its root" : layout.sourceFolder}, tests ${layout.testFolder === undefined ? "beside them" : `in ${layout.testFolder}`} (${layout.testStyle}).`,
    ...Object.entries(files).map(([path, text]) => fenced(path, text)),
    ...retrieved.map(({ path, id, text, lines }) =>
      fenced(`${path ?? id} (lines ${lines.start} to ${lines.end})`, text),
    ),
    ...(feedback === undefined ? [] : [`What was wrong with what was proposed before:\n${feedback}`]),
    `Proposal ${number} of ${count}: ${number === 1 ? "the plainest way" : "another way than the plainest"}.`,
  ];
  return parts.join("\n\n");
}

function fenced(title: string, text: string): string {
  const cut = text.slice(0, MAX_SHOWN);
  const longest = Math.max(2, ...[...cut.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${title}:\n${fence}\n${cut}\n${fence}`;
}
