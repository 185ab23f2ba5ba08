/**
 * A durable program: three sandboxes look at the same Python code at once, then it sleeps, then it waits for somebody to say whether to release. Kill the
 * server at any point of it: the next one goes on where it was, and no check that has ended runs again. See README.md beside this file.
 */
import { defineProgram, type ProgramContext, type ProgramHost, type SandboxRequest } from "glovebox/runs";
import { z } from "zod";

const Input = z.strictObject({
  /** Python source. */
  code: z.string().min(1).max(100_000),
  /** Between the checks and the question, milliseconds. */
  pauseMs: z.number().int().min(0).max(86_400_000).default(1_000),
});

const Output = z.strictObject({
  released: z.boolean(),
  checks: z.record(z.string(), z.strictObject({ ok: z.boolean(), said: z.string() })),
});

const Answer = z.strictObject({ release: z.boolean() });

/** Each gets the code on its stdin. */
const CHECKS = {
  compiles: ["python3", "-c", "import ast, sys; print(len(ast.parse(sys.stdin.read()).body), 'statements')"],
  runs: ["python3", "-"],
  names: [
    "python3",
    "-c",
    "import ast, sys; print(sorted({n.id for n in ast.walk(ast.parse(sys.stdin.read())) if isinstance(n, ast.Name)}))",
  ],
} as const;

export default ({ sandboxes }: ProgramHost) => [
  defineProgram({
    name: "three-checks",
    version: "1",
    description: "Looks at Python code in three sandboxes, sleeps, and waits for the signal `release`",
    input: Input,
    output: Output,
    async run(context, { code, pauseMs }) {
      /** A branch: everything in it is a step of its own, in a sandbox of its own, closed when the branch ends. */
      const check = (name: keyof typeof CHECKS) => (branch: ProgramContext) =>
        sandboxes.use(branch, { name, template: "python", deterministic: true }, async (sandbox) => {
          const request: SandboxRequest = { kind: "command", argv: [...CHECKS[name]], stdin: code };
          const { status, stdout, stderr } = await sandbox.execute(branch, name, request, { timeoutMs: 60_000 });
          return { ok: status === "ok", said: (stdout + stderr).trim().slice(0, 1_000) };
        });
      const checks = await context.parallel({
        compiles: check("compiles"),
        runs: check("runs"),
        names: check("names"),
      });
      await context.sleep(pauseMs);
      const answer = Answer.safeParse(await context.waitFor("release"));
      const isFine = Object.values(checks).every(({ ok }) => ok);
      return { released: isFine && answer.success && answer.data.release, checks };
    },
  }),
];
