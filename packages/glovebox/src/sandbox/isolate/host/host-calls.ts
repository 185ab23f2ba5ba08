import { GloveboxError, toGloveboxError } from "../../../core/index.ts";
import type { HostAnswer, HostCall } from "../messages.ts";
import type { CallContext, CallResult } from "./call-context.ts";
import type { DatabaseHelper } from "./database-helper.ts";
import { execCall } from "./exec-call.ts";
import { fileCall } from "./file-calls.ts";
import { parseInput } from "./input.ts";
import type { ModuleConfig } from "./module-config.ts";
import { loadFirst } from "./source-files.ts";

/** Answers a worker's synchronous call. Everything in it is hostile; whatever fails becomes an answer too. */
export async function answerCall(
  call: HostCall,
  context: CallContext,
  modules: ModuleConfig,
  databases: DatabaseHelper,
): Promise<HostAnswer> {
  try {
    return { call: call.call, ok: true, ...(await carryOut(call, context, modules, databases)) };
  } catch (error) {
    if (context.signal.aborted) return { call: call.call, ok: false, code: "cancelled", message: "interrupted" };
    const known = toGloveboxError(error);
    return { call: call.call, ok: false, code: known.code, message: known.message };
  }
}

async function carryOut(
  { name, input, bytes }: HostCall,
  context: CallContext,
  modules: ModuleConfig,
  databases: DatabaseHelper,
): Promise<CallResult> {
  if (name === "load") return loadFirst(context, input);
  if (name === "exec" && modules.exec) return execCall(context, parseInput(input), bytes);
  if (name.startsWith("db.") && modules.database) {
    return databases.call(context, name.slice(3), parseInput(input), modules.database.readOnly);
  }
  const done = modules.fs && (await fileCall(context, name, parseInput(input), bytes, modules.fs.readOnly));
  if (done) return done;
  throw new GloveboxError("module_not_allowed", "the function is not offered to this session");
}
