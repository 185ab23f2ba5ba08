import { makeBytes } from "../guest/bytes.ts";
import { makeCall } from "../guest/call.ts";
import { makeConsole } from "../guest/console.ts";
import { makeInspect } from "../guest/inspect.ts";
import { makeInspectSpecial } from "../guest/inspect-special.ts";
import { makeToJson } from "../guest/json.ts";
import { makeKernel } from "../guest/kernel.ts";
import { makeDatabase } from "../guest/module-database.ts";
import { makeExec } from "../guest/module-exec.ts";
import { makeFs } from "../guest/module-fs.ts";
import { makeRequire } from "../guest/require.ts";
import { installTimers } from "../guest/timers.ts";

/** The file name of the guest's part of the kernel; its frames are cut from stacks. */
export const GUEST_FILE = "glovebox:kernel";

/** Text of an expression: a function from the bridge to the guest's kernel. */
export function guestSource(): string {
  return `(bridge) => {
    const inspect = (${makeInspect})((${makeInspectSpecial})(bridge.promise));
    const toJson = (${makeToJson})();
    const fail = (error) => kernel.fail(error);
    const timers = (${installTimers})(bridge, fail);
    const { toBytes, fromData } = (${makeBytes})(bridge);
    const call = (${makeCall})(bridge, toBytes);
    const modules = Object.create(null);
    const makers = {
      fs: () => (${makeFs})(call, fromData),
      exec: () => (${makeExec})(call, fromData),
      database: () => (${makeDatabase})(call),
    };
    const offer = (name) => Object.keys((modules[name] = makers[name]())).join();
    const requires = (${makeRequire})(bridge, modules);
    const kernel = (${makeKernel})(bridge, inspect, toJson, { ...timers, run: requires.run, offer });
    const define = (name, value) =>
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
    define("console", (${makeConsole})(bridge.say, inspect, toJson));
    define("require", requires.make(""));
    return kernel;
  }`;
}
