import { join } from "node:path";
import { rolldown } from "rolldown";

const ROOT = join(import.meta.dirname, "../../../../..");

/** A script of an action with the packages that it imports in one file, as authors of actions do it. For tests. */
export async function bundleAction(source: string): Promise<string> {
  const bundle = await rolldown({
    input: "action",
    platform: "node",
    logLevel: "silent",
    plugins: [
      {
        name: "source",
        // Where the script's imports are looked for from.
        resolveId: (id) => (id === "action" ? join(ROOT, "action.mjs") : undefined),
        load: (id) => (id === join(ROOT, "action.mjs") ? source : undefined),
      },
    ],
  });
  try {
    const { output } = await bundle.generate({ format: "esm", codeSplitting: false });
    return output[0].code;
  } finally {
    await bundle.close();
  }
}
