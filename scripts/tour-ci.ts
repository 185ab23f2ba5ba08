import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type CiRun, Glovebox } from "@glovebox/sdk";
import { startTourServer } from "./tour-server.ts";
import { expect, type Stop } from "./tour-stops.ts";

const run = promisify(execFile);
const PATIENCE_MS = 60_000;
const WORKFLOW = `name: Test
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    strategy: {fail-fast: false, matrix: {python: [fast, careful]}}
    steps:
      - uses: actions/checkout@v4
      - run: python3 check.py \${{ matrix.python }}
`;
const CHECK = (answer: number) => `import sys\nprint(sys.argv[1], ${answer})\nsys.exit(${answer} != 42)\n`;

/** A real repository, pushed to twice: once what is right, once what is not. This stop has a server for itself, which may read that folder. */
export const workflows: Stop = {
  title: "a push becomes a green check, the next one a red one",
  async show() {
    const scratch = await mkdtemp(join(tmpdir(), "glovebox-tour-"));
    const [work, bare] = [join(scratch, "work"), join(scratch, "served", "shop.git")];
    const git = async (...words: string[]) => (await run("git", ["-C", work, ...words])).stdout.trim();
    const push = async (answer: number) => {
      await writeFile(join(work, "check.py"), CHECK(answer));
      await git("add", "--all");
      await git("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-q", "-m", `Answer ${answer}`);
      await git("push", "-q", bare, "HEAD:refs/heads/main");
    };
    try {
      await mkdir(join(work, ".github/workflows"), { recursive: true });
      await git("init", "-q", "-b", "main");
      await run("git", ["init", "-q", "--bare", "-b", "main", bare]);
      await writeFile(join(work, ".github/workflows/test.yml"), WORKFLOW);
      const env = { GLOVEBOX_CI_LOCAL_FOLDERS: scratch };
      await using server = await own(["--data", join(scratch, "data"), "--port", "0"], env);
      const { box } = server;
      const { repository } = await box.repositories.create({ forge: "local", fullName: "ada/shop", cloneUrl: bare });
      const check = async (answer: number): Promise<CiRun> => {
        await push(answer);
        const { items } = await box.ci.start({
          source: { kind: "repository", repositoryId: repository.id },
          event: { name: "push" },
        });
        const [begun] = items;
        if (begun === undefined) throw new Error("the push started nothing");
        return box.ci.wait(begun.id, { signal: AbortSignal.timeout(PATIENCE_MS) });
      };
      const [green, red] = [await check(42), await check(41)];
      expect(green.conclusion === "success", `the first push came to ${green.conclusion}: ${told(green)}`);
      expect(red.conclusion === "failure", `the second push came to ${red.conclusion}: ${told(red)}`);
      const took = (green.endedAtMs ?? 0) - green.createdAtMs;
      return { text: `✓ ${green.event.sha.slice(0, 7)} in ${took} ms, ✗ ${red.event.sha.slice(0, 7)}: ${told(red)}` };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },
};

async function own(args: readonly string[], env: Readonly<Record<string, string>>) {
  const server = await startTourServer([...args], undefined, env);
  return {
    box: await Glovebox.connect({ url: server.url, token: server.token }),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
    },
  };
}

function told(run: CiRun): string {
  return run.error ?? run.jobs.map(({ name, conclusion }) => `${name} ${conclusion}`).join(", ");
}
