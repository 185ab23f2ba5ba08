import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionInput } from "@glovebox/sdk";
import type { Language } from "../../core/index.ts";
import { openDriver } from "../local/drivers.ts";
import { localChoice } from "../local/ready-made.ts";
import type { ReplBackend } from "./backend.ts";

/** A REPL that needs no server: one sandbox of this process on a folder that is removed after it. */
export async function localBackend(input: SessionInput, language: Language, wallMs?: number): Promise<ReplBackend> {
  const choice = localChoice(input);
  const languages = choice.languages.length === 0 ? withSiblings(language) : choice.languages;
  const [first = language, ...others] = languages;
  await using opening = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "glovebox-repl-"));
  opening.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const workspaceDir = join(folder, "workspace");
  await mkdir(workspaceDir);
  const driver = await openDriver(opening, choice.isolation, join(folder, "run"));
  const { openRepl } = await import("../../sessions/one-shot.ts");
  const { allowPartial } = input;
  const repl = opening.use(await openRepl({ driver, workspaceDir, languages: [first, ...others], allowPartial }));
  const opened = opening.move();
  return {
    languages,
    where: `${choice.isolation}, in this process`,
    evaluate: async (code, asked, { signal, onEvent }) => {
      const { execution } = await repl.run(code, {
        language: asked,
        limits: { wallMs },
        signal,
        onEvent,
        keepEvents: false,
      });
      return execution;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** One kernel speaks both. */
function withSiblings(language: Language): readonly Language[] {
  if (language === "javascript") return ["javascript", "typescript"];
  return language === "typescript" ? ["typescript", "javascript"] : [language];
}
