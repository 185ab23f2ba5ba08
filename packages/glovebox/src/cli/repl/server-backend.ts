import { Glovebox, type SessionInput } from "@glovebox/sdk";
import type { ServerAddress } from "../connect.ts";
import { attend } from "../run/server-execution.ts";
import type { ReplBackend } from "./backend.ts";

/** A REPL in a session that a server makes for it and that is closed after it. */
export async function serverBackend(
  address: ServerAddress,
  input: SessionInput,
  wallMs?: number,
): Promise<ReplBackend> {
  const box = new Glovebox({ url: address.url, token: address.token });
  const session = await box.sessions.create({ ...input, metadata: { madeBy: "glovebox repl" } });
  return {
    languages: session.info.languages,
    where: `${session.info.isolation}, session ${session.id}`,
    evaluate: async (code, language, hooks) => {
      const execution = await session.start({
        kind: "repl",
        input: code,
        language,
        // The lines typed are code.
        stdin: "",
        limits: wallMs === undefined ? undefined : { wallMs },
      });
      return attend(execution, hooks);
    },
    async [Symbol.asyncDispose]() {
      await session.close().catch(() => {}); // else its idle limit closes it
    },
  };
}
