/** The thread's own side: reads one text after the other. */
import { parentPort } from "node:worker_threads";
import { toGloveboxError } from "../../core/index.ts";
import { extract } from "../extraction/extract.ts";
import { readImports } from "../hooks/builtin/dependencies/imports.ts";
import { findInjections } from "../hooks/builtin/injection/find-injections.ts";
import { validate } from "../validation/validate.ts";
import type { Reply, Request } from "./messages.ts";

async function answer(request: Request): Promise<Reply> {
  try {
    if (request.kind === "extract") {
      const { text, options } = request.asked;
      return { ok: true, answer: await extract(text, options) };
    }
    if (request.kind === "imports") {
      const { code, language } = request.asked;
      return { ok: true, answer: await readImports(code, language) };
    }
    if (request.kind === "injections") {
      const { texts, threshold } = request.asked;
      return { ok: true, answer: texts.map((text) => findInjections(text, threshold)) };
    }
    const { code, language, settings } = request.asked;
    return { ok: true, answer: await validate(code, language, settings) };
  } catch (error) {
    return { ok: false, error: toGloveboxError(error).toBody() };
  }
}

parentPort?.on("message", async (request: Request) => {
  parentPort?.postMessage(await answer(request));
});
