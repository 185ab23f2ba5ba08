import { isRepositoryPath } from "../../workbench/repository-tree.ts";

export interface ProposedFile {
  readonly path: string;
  readonly content: string;
}

/** Files of one proposal; more are one that was not asked for. */
const MAX_FILES = 20;
const OPEN = /^(`{3,}|~{3,})\s*[\w+-]*\s+path=("?)([^"\n]{1,1024}?)\2\s*$/;

/** The files in an answer: fenced blocks that say `path=…` where they open. A text is why there are none. */
export function readProposal(answer: string): readonly ProposedFile[] | string {
  const files = new Map<string, string>();
  const lines = answer.split(/\r?\n/);
  for (let at = 0; at < lines.length; at += 1) {
    const [, fence, , path] = OPEN.exec(lines[at] ?? "") ?? [];
    if (fence === undefined || path === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trimEnd() === fence);
    if (end < 0) return `the block of ${path} does not end`;
    if (!isRepositoryPath(path)) return `${JSON.stringify(path)} is no path of a repository's file`;
    if (files.has(path)) return `${path} is there twice`;
    files.set(path, `${lines.slice(at + 1, end).join("\n")}\n`);
    at = end;
  }
  if (files.size === 0) return "no file is proposed";
  if (files.size > MAX_FILES) return `more than ${MAX_FILES} files are proposed`;
  return [...files].map(([path, content]) => ({ path, content }));
}
