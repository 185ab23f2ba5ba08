/**
 * Stands in for a jailed Firecracker in tests: its API, and a guest that is the real agent in a bubblewrap of its own, reached as over vsock. What it "saves" as memory is the
 * workspace; programs of a saved guest are gone. What this shows is the order of things and the files, not that a machine would boot.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { ApiDescription } from "./api-description.ts";
import { type Body, Fault, StandInApi } from "./stand-in-api.ts";

/** The listening socket is made by this, because Node cannot hand one to a child. */
const LAUNCHER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("agent.sock")
s.listen(8)
s.set_inheritable(True)
os.execvp(sys.argv[1], sys.argv[1:] + ["--listen-fd", str(s.fileno()), "--workspace", "/workspace", "--renew-dir", "/run/glovebox"])
`;
const WALL = [
  ...["bwrap", "--unshare-user", "--unshare-uts", "--unshare-pid", "--as-pid-1", "--die-with-parent"],
  ...["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"],
  ...["--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"],
  ...["--dir", "/glovebox"],
];

const [id = "", root = "", uid = ""] = process.argv.slice(2);
const { STAND_IN_AGENT: agent = "", STAND_IN_FOLDER: folder = "" } = process.env;
const log = join(folder, "requests");
const description = new ApiDescription(JSON.parse(readFileSync(join(folder, "description"), "utf8")));
/** Where the guest's things are: the session's uid cannot walk to its jail, only stand in it. */
const guest = mkdtempSync(join(folder, "guest-"));
const [workspace, names] = [join(guest, "workspace"), join(guest, "names")];
for (const path of [workspace, names]) mkdirSync(path);
for (const name of ["hosts", "hostname", "boot_id"]) writeFileSync(join(names, name), "");
copyFileSync(agent, join(guest, "agent"));
const own = [guest, workspace, names, ...["hosts", "hostname", "boot_id"].map((name) => join(names, name))];
for (const path of own) chownSync(path, Number(uid), Number(uid));

let running: ChildProcess | undefined;
let port = 0;
const calls = new Set<Socket>();

const api = new StandInApi(
  description,
  id,
  {
    pathOf: (path) => `.${path}`,
    start: async (config) => {
      listen(config.get("putGuestVsock"), Number(/ vsock=(\d+)/.exec(String(config.get("putGuestBootSource")?.boot_args))?.[1]));
      run();
    },
    pause: async () => toAgent("SIGSTOP"),
    resume: async () => toAgent("SIGCONT"),
    save: async ({ mem_file_path: memory, snapshot_path: state }) => {
      if (existsSync(join(workspace, "disk-is-full"))) throw new Fault("Cannot write: No space left on device (os error 28)");
      execFileSync("tar", ["-cf", `.${memory}`, "-C", workspace, "."]);
      writeFileSync(`.${state}`, JSON.stringify({ vsock: { uds_path: "/agent.sock" }, port }));
      // As the real one resets the guest's vsock.
      for (const call of calls) call.destroy();
    },
    load: async ({ mem_file_path: memory, snapshot_path: state }) => {
      const saved = JSON.parse(readFileSync(`.${state}`, "utf8"));
      execFileSync("tar", ["-xf", `.${memory}`, "-C", workspace]);
      listen(saved.vsock, saved.port);
      run();
    },
  },
  ({ method, path, status, body }) => appendFileSync(log, `${JSON.stringify({ id, method, path, status, body })}\n`),
);
process.chdir(root);
process.setgroups?.([]);
process.setgid?.(Number(uid));
process.setuid?.(Number(uid));
await api.listen("api.sock");

function run(): void {
  const folders = ["--bind", workspace, "/workspace", "--bind", names, "/run/glovebox"];
  const argv = [...WALL, ...folders, "--ro-bind", join(guest, "agent"), "/agent", "/agent"];
  running = spawn("/usr/bin/python3", ["-IS", "-c", LAUNCHER, ...argv], {
    cwd: guest,
    stdio: ["ignore", "ignore", "inherit"],
    env: { PATH: "/usr/bin:/bin" },
  });
  running.once("exit", () => process.exit(0));
}

/** It is the child of the bubblewrap around it. */
function toAgent(signal: "SIGSTOP" | "SIGCONT"): void {
  const children = readFileSync(`/proc/${running?.pid}/task/${running?.pid}/children`, "utf8");
  for (const pid of children.trim().split(" ").map(Number)) if (pid > 1) process.kill(pid, signal);
}

/** Firecracker's end of the guest's vsock. */
function listen(vsock: Body | undefined, guestPort: number): void {
  port = guestPort;
  createServer((call) => {
    calls.add(call);
    call.on("error", () => {}).once("close", () => calls.delete(call));
    call.once("data", (line) => {
      if (line.toString() !== `CONNECT ${port}\n`) return call.destroy();
      const inside = connect(join(guest, "agent.sock"));
      inside.on("error", () => call.destroy()).once("close", () => call.destroy());
      call.once("close", () => inside.destroy());
      inside.once("connect", () => {
        call.write("OK 1073741824\n");
        call.pipe(inside).pipe(call);
      });
    });
  }).listen(`.${vsock?.uds_path}`);
}
