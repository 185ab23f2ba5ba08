import { posix } from "node:path";
import type { Target } from "./types.ts";

/** Folders whose loss is the loss of a system, or of somebody's files. */
const ROOTS = new Set([
  "/",
  "/bin",
  "/boot",
  "/dev",
  "/etc",
  "/home",
  "/lib",
  "/lib32",
  "/lib64",
  "/mnt",
  "/opt",
  "/proc",
  "/root",
  "/sbin",
  "/srv",
  "/sys",
  "/usr",
  "/usr/bin",
  "/usr/lib",
  "/usr/local",
  "/var",
  "/var/lib",
  "/var/log",
  "/Users",
  "/System",
  "/Library",
  "~",
  "$HOME",
]);
const DEVICES = [
  "/dev/sd*",
  "/dev/hd*",
  "/dev/vd*",
  "/dev/xvd*",
  "/dev/nvme*",
  "/dev/mmcblk*",
  "/dev/disk*",
  "/dev/mem",
  "/dev/kmem",
  "/dev/mapper/*",
  "/dev/md*",
  "/dev/loop*",
];
/** Longer words are no path that is meant here. */
const MAX_WORD = 4096;

export function isTarget(text: string, target: Target): boolean {
  if (text.length > MAX_WORD) return false;
  if (target === "root") return isRoot(text);
  return isLike(text, target === "device" ? DEVICES : target);
}

/** Whether the text is one of the patterns, in which `*` stands for anything. */
export function isLike(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => (pattern.includes("*") ? matches(text, pattern) : pattern === text));
}

/** Greedy from the left, without going back: linear in the text for each `*`. */
function matches(text: string, pattern: string): boolean {
  const parts = pattern.split("*");
  const [first = "", ...rest] = parts;
  const last = rest.pop() ?? "";
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

function isRoot(text: string): boolean {
  const home = text.replace(/^\$\{HOME\}/, "$HOME").replace(/^"?\$HOME"?/, "$HOME");
  const bare = home.replace(/\/(\*|\.\*|\{\*,\.\*\})$/, "/").replace(/^file:\/\//, "");
  const path = bare === "" ? "" : posix.normalize(bare).replace(/(?<=.)\/$/, "");
  return (
    ROOTS.has(path) || /^\/(home|Users)\/[^/]+$/.test(path) || /^~\w*$/.test(path) || /^[A-Za-z]:[\\/]*$/.test(path)
  );
}
