/** The kernels' answers to fixed inputs, to the byte: a change of protocol shows here first. `vitest -u` accepts it. */
import { expect, it } from "vitest";
import type { KernelRequest } from "../kernel-message.ts";
import { TestKernel } from "./test-kernel.ts";

const SCRIPTS: Readonly<
  Record<"python" | "javascript" | "bash", readonly (string | [KernelRequest["language"], string])[]>
> = {
  python: [
    "import math\nmath.factorial(10)",
    "xs = [1, 'é', None]\nprint(len(xs))",
    "xs",
    "{'nested': {'a': (1, 2.5)}, 'set': {1}}",
    "class H:\n  def _repr_html_(self): return '<i>h</i>'\n  def __repr__(self): return 'H'\nH()",
    "def f():\n  raise ValueError('bad')\n",
    "f()",
    "1 +",
    "import sys; sys.exit(3)",
    "sys.exit(0)",
    "import asyncio\nawait asyncio.sleep(0, 'slept')",
    "print('to stderr', file=sys.stderr)",
  ],
  javascript: [
    'console.log("x"); 20+22',
    "const xs = [1, 'é', null]; let n = 1; xs",
    "const xs = 'again'; ({ xs, n })",
    "console.warn('w', { a: [1] }); console.error(new Map())",
    "function f() {\n  throw new RangeError('bad')\n}",
    "f()",
    "let = 1 +",
    "await Promise.resolve('later')",
    "process.exit(3)",
    "process.exit(0)",
    "throw { odd: true }",
    ["typescript", "enum E { A = 41 }\nconst v: number = E.A + 1\nv"],
    ["typescript", "const s: string = 5 as unknown as string; typeof s"],
    "import { basename } from 'node:path'; basename('/a/b')",
    "process.stdout.write('out\\n'); 10n",
  ],
  bash: [
    "echo hi; x=5",
    'echo "$x" >&2',
    "f() { return 7; }; f",
    "echo 'open",
    "exit 3",
    "set -e; false; x=lost",
    "set +e; echo $x",
    "echo ${unset:?needed}",
    "printf '%s\\n' \"$@\"",
  ],
};

it.each(["python", "javascript", "bash"] as const)(
  "the transcript of the %s kernel stays as it is",
  async (kernelLanguage) => {
    await using kernel = new TestKernel(kernelLanguage);
    const lines: string[] = [];
    for (const entry of SCRIPTS[kernelLanguage]) {
      const [language, code] = typeof entry === "string" ? [kernelLanguage, entry] : entry;
      const { messages, stdout, stderr } = await kernel.run(code, { language });
      lines.push(`>>> ${code.replaceAll("\n", "\n... ")}`);
      if (stdout !== "") lines.push(`stdout ${JSON.stringify(stdout)}`);
      if (stderr !== "") lines.push(`stderr ${JSON.stringify(stderr)}`);
      // A traceback's carets, and what bash calls itself, differ from version to version.
      for (const message of messages) {
        const steady =
          message.t === "exception" && kernelLanguage !== "javascript" ? { ...message, stack: undefined } : message;
        lines.push(JSON.stringify(steady));
      }
    }
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(`golden/${kernelLanguage}.txt`);
  },
);
