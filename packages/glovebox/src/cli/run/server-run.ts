import { type ExecutionInput, Glovebox, type Session, type SessionInput } from "@glovebox/sdk";
import type { Execution, Isolation } from "../../core/index.ts";
import type { ServerAddress } from "../connect.ts";
import { limitsOf, type Program, type RunHooks, type Runner } from "./program.ts";
import { attend } from "./server-execution.ts";

/** Runs a program in a session that a server makes for it and that is closed after it. */
export function serverRunner(address: ServerAddress): Runner {
  return async (program, hooks) => {
    const box = new Glovebox({ url: address.url, token: address.token });
    const session = await box.sessions.create(sessionFor(program), { signal: hooks.signal });
    try {
      await session.files.write(program.name, program.content, { mode: 0o755, signal: hooks.signal });
      return await runIn(session, program, hooks);
    } finally {
      await session.close().catch(() => {}); // else its idle limit closes it
    }
  };
}

/** Whether a server answers there: decides whether a run may go on without it. */
export async function answers(address: ServerAddress): Promise<boolean> {
  try {
    const box = new Glovebox({ url: address.url, token: address.token, retry: { attempts: 1 } });
    await box.health({ signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false;
  }
}

function sessionFor(program: Program): SessionInput {
  return {
    template: program.template,
    isolation: program.isolation,
    languages: program.template === undefined ? [program.language] : undefined,
    allowPartial: program.allowPartial || undefined,
    metadata: { madeBy: "glovebox run" },
  };
}

async function runIn(session: Session, program: Program, hooks: RunHooks): Promise<Execution> {
  const execution = await session.start({
    ...workFor(program, session.info.isolation),
    env: program.env,
    limits: limitsOf(program),
    stdin: hooks.stdin === undefined ? "" : undefined,
  });
  return attend(execution, hooks);
}

/** A process of its own, as the language's own command would be; where there are none, or compiling comes first, the kernel's file mode. */
function workFor(program: Program, isolation: Isolation): ExecutionInput {
  const { language, name, args } = program;
  if (isolation === "isolate" || language === "rust") return { kind: "run_file", path: name, language, args };
  const interpreter = { python: ["python3", "-u"], javascript: ["node"], typescript: ["node"], bash: ["bash"] }[
    language
  ];
  return { kind: "command", argv: [...interpreter, name, ...args] };
}
