import { expect, test } from "vitest";
import { OPERATIONS } from "../../glovebox/src/surfaces/operations/index.ts";
import { Execution } from "./execution.ts";
import { Glovebox } from "./glovebox.ts";
import { Session } from "./session.ts";

const box = new Glovebox({ url: "http://127.0.0.1:1" });
const roots: Readonly<Record<string, object>> = {
  session: new Session({} as never, box.sessions, box.executions, { id: "s" } as never),
  execution: new Execution(box.executions, { id: "e" } as never),
};

test.each(Object.entries(OPERATIONS))("the SDK has the operation %s, or the table says why not", (_id, { sdk }) => {
  if (typeof sdk !== "string") {
    expect(sdk.leftOut).toMatch(/\w/);
    return;
  }
  const path = sdk.split(".");
  const [first = "", ...rest] = path;
  const root = Object.hasOwn(roots, first) ? roots[first] : box;
  let at: unknown = root;
  for (const name of root === box ? path : rest) at = (at as Record<string, unknown> | undefined)?.[name];
  expect(typeof at, sdk).toBe("function");
});
