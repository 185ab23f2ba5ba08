import { type Glovebox, isGloveboxError, type Result } from "@glovebox/sdk";

import { chat } from "./tour-chat.ts";
import { workflows } from "./tour-ci.ts";
import { network } from "./tour-egress.ts";
import { fixFailing } from "./tour-flows.ts";
import { fork } from "./tour-fork.ts";
import { durableRun } from "./tour-runs.ts";

export interface Stop {
  readonly title: string;
  /** Shows one thing; throws when it does not hold. */
  show(box: Glovebox): Promise<{ readonly text: string; readonly skipped?: boolean }>;
}

export function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function expectOutput(result: Result, stdout: string): void {
  const got = `${result.execution.status}: ${JSON.stringify(result.stdout)} ${result.exception?.message ?? result.stderr}`;
  expect(result.ok && result.stdout.trim() === stdout, `expected ${JSON.stringify(stdout)}, got ${got}`);
}

/** One program in one language, in a session of its own. */
function program(title: string, template: string, code: string, stdout: string): Stop {
  return {
    title,
    async show(box) {
      await using session = await box.sessions.create({ template });
      const file = { rust: "main.rs" }[template];
      if (file !== undefined) await session.files.write(file, code);
      expectOutput(file === undefined ? await session.run(code) : await session.runFile(file), stdout);
      return { text: stdout.replaceAll("\n", " ") };
    },
  };
}

const PRIMES = `fn main() {
    let primes: Vec<u32> = (2..50u32).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
    println!("{:?}", primes);
}`;

const state: Stop = {
  title: "state is kept from one execution to the next",
  async show(box) {
    await using session = await box.sessions.create({ template: "python" });
    await session.run("import math\nseed = 40");
    const { value } = await session.run("seed + 2");
    expect(value?.json === 42, `expected 42, got ${JSON.stringify(value)}`);
    return { text: `seed + 2 → ${value?.preview}` };
  },
};

const files: Stop = {
  title: "a file goes in, the code changes it, it comes out",
  async show(box) {
    await using session = await box.sessions.create({ template: "python" });
    await session.files.write("in.txt", "glove");
    await session.run("open('out.txt', 'w').write(open('in.txt').read().upper() + 'BOX')");
    const text = await session.files.readText("out.txt");
    expect(text === "GLOVEBOX", `got ${text}`);
    return { text };
  },
};

const plot: Stop = {
  title: "a plot comes out of Python as an image",
  async show(box) {
    await using session = await box.sessions.create({ template: "python", limits: { memoryMb: 512 } });
    const probe = await session.run("import importlib.util\nimportlib.util.find_spec('matplotlib') is not None");
    if (probe.value?.json !== true) return { text: "matplotlib is not installed on this machine", skipped: true };
    const { displays } = await session.run("import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.show()");
    expect(
      displays.some(({ mime }) => "image/png" in mime),
      "no image came out",
    );
    return { text: `image/png, ${displays.length} display` };
  },
};

const endlessLoop: Stop = {
  title: "an endless loop is stopped on time, and the session goes on",
  async show(box) {
    await using session = await box.sessions.create({ template: "python" });
    await session.run("kept = 'yes'");
    const { execution } = await session.run("while True: pass", { limits: { wallMs: 500 } });
    expect(execution.status === "timeout", `ended as ${execution.status}`);
    const { value } = await session.run("kept");
    expect(value?.json === "yes", "the state was lost");
    return { text: `${execution.status} after ${Math.round(execution.metrics.durationMs)} ms, state kept` };
  },
};

const forkBomb: Stop = {
  title: "a fork bomb is stopped",
  async show(box) {
    await using session = await box.sessions.create({ template: "bash" });
    const { execution } = await session.run(":(){ :|:& };:; wait; sleep 60", { limits: { wallMs: 1500 } });
    expect(execution.status !== "ok", "the bomb ended as ok");
    expectOutput(await session.run("echo still here"), "still here");
    return { text: `${execution.status}; the session still answers` };
  },
};

const forbidden: Stop = {
  title: "a path out of the workspace is refused",
  async show(box) {
    await using session = await box.sessions.create({ template: "python" });
    try {
      await session.runFile("../etc/passwd");
    } catch (error) {
      if (isGloveboxError(error, "invalid_path")) return { text: error.code };
      throw error;
    }
    throw new Error("it was not refused");
  },
};

const noNetwork: Stop = {
  title: "there is no network inside",
  async show(box) {
    await using session = await box.sessions.create({ template: "python" });
    const code =
      "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 2)\n    print('open')\nexcept OSError as e:\n    print(e.strerror)";
    const { stdout } = await session.run(code);
    expect(!stdout.includes("open"), "a connection was made");
    return { text: stdout.trim() };
  },
};

export const STOPS: readonly Stop[] = [
  program("Python in bubblewrap", "python", "import math\nprint(math.factorial(10))", "3628800"),
  program(
    "JavaScript in bubblewrap",
    "node",
    "console.log === undefined ? 0 : process.stdout.write(String(6 * 7))",
    "42",
  ),
  {
    title: "TypeScript in bubblewrap",
    async show(box) {
      await using session = await box.sessions.create({ template: "node" });
      const result = await session.run("const n: number = 6; n * 7", { language: "typescript" });
      expect(result.value?.json === 42, `got ${JSON.stringify(result.value ?? result.exception)}`);
      return { text: "const n: number = 6; n * 7 → 42" };
    },
  },
  program("Bash in bubblewrap", "bash", "for i in 1 2 3; do echo $((i * i)); done", "1\n4\n9"),
  program(
    "Rust, compiled and run, in bubblewrap",
    "rust",
    PRIMES,
    "[2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]",
  ),
  {
    title: "JavaScript in isolate (QuickJS in WebAssembly)",
    async show(box) {
      await using session = await box.sessions.create({ template: "js-isolate" });
      const { value } = await session.run("[1, 2, 3].map((n) => n ** 2).reduce((a, b) => a + b)");
      expect(value?.json === 14, `got ${JSON.stringify(value)}`);
      return { text: "→ 14" };
    },
  },
  state,
  fork,
  files,
  plot,
  endlessLoop,
  forkBomb,
  forbidden,
  noNetwork,
  network,
  chat,
  durableRun,
  workflows,
  fixFailing,
];
