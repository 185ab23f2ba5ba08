import { Assistant } from "./assistant.ts";

function answer(contains: string, words: string, code: string) {
  return { contains, text: `${words}\n\n\`\`\`python\n${code}\n\`\`\`\n` };
}

/** Shows what a chat does, without a model: it answers a few questions by a script, and the code of its answers really runs. */
export const DEMO = Assistant.parse({
  name: "demo",
  description: "Answers a few questions by a script, without a model; the code in its answers really runs",
  model: {
    provider: "scripted",
    name: "script",
    script: {
      answers: [
        answer(
          "factorial",
          "Run this to compute 10 factorial:",
          "import math\n\nresult = math.factorial(10)\nprint(result)",
        ),
        answer("again", "The session still knows `result`. Run this to double it:", "print(result * 2)"),
        answer(
          "primes",
          "Run this to list the primes below 50:",
          "primes = [n for n in range(2, 50) if all(n % d for d in range(2, n))]\nprint(primes)",
        ),
        answer(
          "file",
          "Run this to write a file into the workspace and read it back:",
          'from pathlib import Path\n\nPath("notes.txt").write_text("kept in the workspace\\n")\nprint(Path("notes.txt").read_text())',
        ),
        answer(
          "delete",
          "Run this to delete everybody's files:",
          'import os\n\nos.system("rm -rf /home")\nprint("gone")',
        ),
        {
          text: "I am a script, not a model. Ask me for a *factorial*, to double it *again*, for *primes*, to keep a *file*, or to *delete* everything and see what happens.\n",
        },
      ],
    },
  },
  execution: { enabled: true },
});
