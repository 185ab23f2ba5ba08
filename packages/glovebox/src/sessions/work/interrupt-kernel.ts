import type { SandboxProcess } from "../../sandbox/index.ts";
import type { StopCause } from "./cause.ts";
import type { WorkControl } from "./work-control.ts";

/** How long an interrupted request may take to end before its children, and then the kernel itself, are killed. */
const STEP_MS = 500;
/**
 * How often Bash is interrupted within that time. It drops an interrupt when the command that it waits for ends well all the same: in a loop of
 * short commands most come between two of them.
 */
const AGAIN_MS = 50;

/**
 * While a request runs: a stop interrupts the kernel, then kills what the code started, then the kernel. A write that failed leaves no time for
 * manners. `language` of the kernel; `extend` tells how long the work may still take.
 */
export function interruptKernel(
  control: WorkControl,
  process: SandboxProcess,
  language: string,
  extend: (ms: number) => void,
): Disposable {
  let timer: NodeJS.Timeout | undefined;
  let again: NodeJS.Timeout | undefined;
  const signal = (name: NodeJS.Signals, scope: "group" | "descendants" | "tree") =>
    void process.signal(name, scope).catch(() => {});
  control.target((cause: StopCause) => {
    extend(2 * STEP_MS);
    if (cause.kind === "store_failed") return signal("SIGKILL", "tree");
    signal("SIGINT", "group");
    if (language === "bash") again = setInterval(() => signal("SIGINT", "group"), AGAIN_MS);
    timer = setTimeout(() => {
      clearInterval(again);
      signal("SIGKILL", "descendants");
      timer = setTimeout(() => signal("SIGKILL", "tree"), STEP_MS);
    }, STEP_MS);
  });
  return {
    [Symbol.dispose]: () => {
      control.target(undefined);
      clearTimeout(timer);
      clearInterval(again);
    },
  };
}
