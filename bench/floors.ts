/** The bare mechanisms that the cases are compared with. */
import { spawn } from "node:child_process";
import { once } from "node:events";

const BWRAP = (
  "bwrap --unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup --uid 1000 --gid 1000 " +
  "--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev " +
  "--tmpfs /tmp --die-with-parent --new-session --clearenv --disable-userns"
).split(" ");

/** Starts a command and waits for its end; its output is read and dropped. */
export async function runBare(argv: readonly string[]): Promise<void> {
  const child = spawn(argv[0] as string, argv.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.resume();
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}`);
}

/** bwrap around Python's `print(1)`, with the namespaces that the driver uses, without limits and seccomp. */
export function bareBubblewrapPython(): Promise<void> {
  return runBare([...BWRAP, "--", "/usr/bin/python3", "-c", "print(1)"]);
}

/** A bare `python3 -i`-like loop over pipes: write a line, read its answer. What a kernel cannot be faster than. */
export function startBareInterpreter(): { roundTrip(): Promise<void>; close(): void } {
  const code = "import sys\nfor line in sys.stdin:\n exec(line)\n print(flush=True)";
  const child = spawn("/usr/bin/python3", ["-u", "-c", code], { stdio: ["pipe", "pipe", "inherit"] });
  return {
    roundTrip: async () => {
      const answer = once(child.stdout, "data");
      child.stdin.write("x = 1\n");
      await answer;
    },
    close: () => void child.kill("SIGKILL"),
  };
}
