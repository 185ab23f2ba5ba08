import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, chmod, chown, copyFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { nativeSources, readSources } from "../native/index.ts";
import { connectAgent } from "./connect.ts";
import type { AgentConnection } from "./connection.ts";

const run = promisify(execFile);
const FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-static", "-Wall", "-Wextra", "-Werror"];
const SANITIZED = [
  "-std=gnu17",
  "-D_GNU_SOURCE",
  "-O1",
  "-g",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
];

/** Compiles the agent unless this very source was compiled before. Returns the program's path. */
export async function buildTestAgent(options: { sanitize?: boolean } = {}): Promise<string> {
  const flags = options.sanitize === true ? SANITIZED : FLAGS;
  const { files, hash: source } = readSources(nativeSources("agent"), "agent");
  const hash = createHash("sha256").update(source).update(flags.join(" ")).digest("hex").slice(0, 16);
  const folder = join(tmpdir(), `glovebox-test-agent-${process.getuid?.() ?? 0}`);
  const program = join(folder, `agent-${hash}`);
  try {
    await access(program);
    return program;
  } catch {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const made = `${program}.${process.pid}`;
    await run("gcc", [...flags, "-o", made, ...files]);
    await rename(made, program);
    return program;
  }
}

export interface BareAgent extends AsyncDisposable {
  readonly socketPath: string;
  readonly workspace: string;
  readonly child: ChildProcess;
  /** With `doors`: where it accepts, on 127.0.0.1. */
  readonly ports?: { readonly proxy: number; readonly redirect: number; readonly names: number };
  /** Connects with the next epoch. */
  connect(options?: { window?: number }): Promise<AgentConnection>;
}

/** The socket is made and bound by this, because Node cannot hand a listening unix socket to a child. */
const LAUNCHER = `
import os, socket, sys
path, uid, program, workspace, wall = sys.argv[1:6]
prefix = wall.split()
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen(8)
s.set_inheritable(True)
if uid != "-" and os.getuid() == 0:
    os.setgroups([]); os.setgid(int(uid)); os.setuid(int(uid))
filter = os.environ.pop("GLOVEBOX_TEST_FILTER", "")
more = sys.argv[6:]
if filter:
    fd = os.memfd_create("filter", 0)
    os.write(fd, bytes.fromhex(filter))
    os.lseek(fd, 0, 0)
    more += ["--seccomp-fd", str(fd)]
ports = []
if os.environ.pop("GLOVEBOX_TEST_DOORS", ""):
    for option, kind in (("--proxy-fd", socket.SOCK_STREAM), ("--redirect-fd", socket.SOCK_STREAM), ("--names-fd", socket.SOCK_DGRAM)):
        door = socket.socket(socket.AF_INET, kind)
        door.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM: door.listen(128)
        door.set_inheritable(True)
        ports.append(door.getsockname()[1])
        more += [option, str(door.detach())]
os.write(1, b"%s\\n" % " ".join(map(str, ports)).encode())
os.execvp(prefix[0] if prefix else program, prefix + [program, "--listen-fd", str(s.fileno()), "--workspace", workspace] + more)
`;

export interface BareAgentOptions {
  /** Built with the address and undefined-behaviour sanitizers. */
  readonly sanitize?: boolean;
  /** As nobody, when the test runs as root. */
  readonly unprivileged?: boolean;
  /** As the first process of a pid namespace, where it may kill everybody else. */
  readonly pidNamespace?: boolean;
  /** RLIMIT_NPROC of what the agent starts. */
  readonly processes?: number;
  /** A seccomp filter for what the agent starts: a raw array of `struct sock_filter`. */
  readonly seccomp?: Uint8Array;
  /** With sockets to forward, and one for names. */
  readonly doors?: boolean;
}

const NOBODY = 65_534;

async function prepareFolder(
  options: BareAgentOptions,
): Promise<{ folder: string; workspace: string; program: string }> {
  const built = await buildTestAgent(options);
  const folder = await mkdtemp(join(tmpdir(), "glovebox-agent-"));
  await chmod(folder, 0o700);
  const workspace = join(folder, "workspace");
  await mkdir(workspace);
  if (options.unprivileged !== true || process.getuid?.() !== 0) return { folder, workspace, program: built };
  const program = join(folder, "agent");
  await copyFile(built, program);
  for (const path of [folder, workspace, program]) await chown(path, NOBODY, NOBODY);
  return { folder, workspace, program };
}

/** Runs the agent as a plain process (no sandbox!) on a socket in a temporary 0700 folder. For tests only. */
export async function startBareAgent(options: BareAgentOptions = {}): Promise<BareAgent> {
  const { folder, workspace, program } = await prepareFolder(options);
  const socketPath = join(folder, "agent.sock");
  const uid = options.unprivileged === true ? String(NOBODY) : "-";
  const wall =
    options.pidNamespace === true ? "bwrap --unshare-user --unshare-pid --as-pid-1 --dev-bind / / --proc /proc" : "";
  const child = spawn(
    "/usr/bin/python3",
    [
      "-IS",
      "-c",
      LAUNCHER,
      socketPath,
      uid,
      program,
      workspace,
      wall,
      ...(options.processes === undefined ? [] : ["--nproc", String(options.processes)]),
    ],
    {
      stdio: ["ignore", "pipe", options.seccomp === undefined ? "inherit" : "ignore"],
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        ASAN_OPTIONS: "detect_leaks=0",
        ...(options.doors === true ? { GLOVEBOX_TEST_DOORS: "yes" } : {}),
        GLOVEBOX_TEST_FILTER: Buffer.from(options.seccomp ?? []).toString("hex"),
      },
    },
  );
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const said = new Promise<string>((resolve) => child.stdout?.once("data", (line) => resolve(String(line))));
  const [proxy, redirect, names] = String(await Promise.race([said, ended.then(() => "")]))
    .split(" ")
    .map(Number);
  let epoch = 0n;
  return {
    socketPath,
    workspace,
    child,
    ...(proxy && redirect && names ? { ports: { proxy, redirect, names } } : {}),
    connect: (connectOptions = {}) => {
      epoch += 1n;
      return connectAgent({ socketPath, epoch, ...connectOptions });
    },
    [Symbol.asyncDispose]: async () => {
      // Powering off kills what it started; killing the agent alone would leave that behind.
      if (child.exitCode === null && child.signalCode === null) {
        epoch += 1_000_000n;
        const connection = await connectAgent({ socketPath, epoch }).catch(() => undefined);
        await Promise.race([connection?.powerOff(), new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
        child.kill("SIGKILL");
        await ended;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
