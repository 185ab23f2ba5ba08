/** Set-up's entry: `node packages/glovebox/src/sandbox/native/build.ts` builds the native programs and prints them as JSON. */
import { nativeTools } from "./native-tools.ts";

try {
  const { dir: _dir, ...programs } = await nativeTools();
  process.stdout.write(`${JSON.stringify(programs)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
