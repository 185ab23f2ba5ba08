import { open } from "node:fs/promises";
import { GloveboxError } from "../../core/index.ts";
import { FileTree, type TreeNode } from "./file-tree.ts";
import { runTool } from "./run-tool.ts";

const TIMEOUT_MS = 10 * 60_000;
const MARK = Buffer.from("\n#\n# START OF DATA - DO NOT MODIFY\n#\n");
const READ_BYTES = 4 * 1_048_576;
/** Of the list before the contents: a million files. */
const MAX_LIST_BYTES = 512 * 1_048_576;

/**
 * The files of a squashfs that we made, as a tree whose contents lie in `listFile`, which is written for it. Source of the form: squashfs-tools 4.5,
 * "Pseudo file definition format". It cannot tell names with line breaks, which no image of ours has. Errors: those of `runTool`.
 */
export async function readSquashfs(squashfs: string, listFile: string, signal?: AbortSignal): Promise<FileTree> {
  await runTool({
    argv: ["unsquashfs", "-no-progress", "-pf", listFile, squashfs],
    timeoutMs: TIMEOUT_MS,
    ...(signal && { signal }),
  });
  const { list, dataFrom } = await readList(listFile);
  const tree = new FileTree();
  const links: (readonly [path: string[], target: string[]])[] = [];
  for (const line of list.split("\n")) {
    const { path, fields } = splitLine(line);
    if (fields.startsWith("L ")) links.push([path, splitLine(fields.slice(2)).path]);
    else tree.put(path, parseNode(fields, dataFrom));
  }
  for (const [path, target] of links) tree.putHardLink(path, target);
  return tree;
}

async function readList(file: string): Promise<{ list: string; dataFrom: number }> {
  await using handle = await open(file, "r");
  let head = Buffer.alloc(0);
  while (head.length < MAX_LIST_BYTES) {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, head.length);
    if (bytesRead === 0) break;
    const from = Math.max(0, head.length - MARK.length);
    head = Buffer.concat([head, buffer.subarray(0, bytesRead)]);
    const at = head.indexOf(MARK, from);
    if (at >= 0) return { list: head.toString("utf8", 0, at), dataFrom: at + MARK.length };
  }
  throw new GloveboxError("internal", "the image's squashfs could not be listed");
}

/** The name ends at the first space without a backslash before it. */
function splitLine(line: string): { path: string[]; fields: string } {
  const [whole = "", name = ""] = /^((?:\\.|[^\\ ])*) ?/.exec(line) ?? [];
  const path = name.replaceAll(/\\(.)/g, "$1").split("/").filter(Boolean);
  return { path, fields: line.slice(whole.length) };
}

function parseNode(fields: string, dataFrom: number): TreeNode {
  const [, kind, mtime, mode, uid, gid, rest = ""] =
    /^([DRSI]) (\d+) ([0-7]+) (\d+) (\d+)(?: (.*))?$/.exec(fields) ?? [];
  const attributes = {
    mode: Number.parseInt(mode ?? "", 8),
    uid: Number(uid),
    gid: Number(gid),
    mtime: Number(mtime),
  };
  switch (kind) {
    case "D":
      return { kind: "dir", ...attributes };
    case "S":
      return { kind: "link", target: rest, ...attributes };
    case "I":
      return { kind: "fifo", ...attributes };
    case "R": {
      const [size, offset] = rest.split(" ").map(Number);
      return { kind: "file", content: { size: size ?? 0, offset: dataFrom + (offset ?? 0) }, ...attributes };
    }
    default:
      throw new GloveboxError("internal", `the image's squashfs was listed in an unknown form: ${fields.slice(0, 80)}`);
  }
}
