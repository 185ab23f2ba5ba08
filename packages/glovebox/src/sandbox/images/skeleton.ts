import type { Content, ContentHeap } from "./content-heap.ts";
import type { FileTree } from "./file-tree.ts";

/** Where drivers mount things, and what programs expect. */
const FOLDERS: readonly (readonly [path: string, mode: number])[] = [
  ["dev", 0o755],
  ["proc", 0o555],
  ["sys", 0o555],
  ["run", 0o755],
  ["tmp", 0o1777],
  ["var/tmp", 0o1777],
  ["workspace", 0o755],
  ["glovebox/bin", 0o755],
  ["glovebox/kernels", 0o755],
  ["glovebox/packages", 0o755],
];

const USER = { name: "glovebox", id: 1000 };
const MAX_ACCOUNTS_BYTES = 1_048_576;

/** Gives the tree the places, the user and the few files of `/etc` that every sandbox has, whatever it is made from. */
export async function addSkeleton(tree: FileTree, heap: ContentHeap): Promise<void> {
  tree.nextLayer();
  for (const [path, mode] of FOLDERS) {
    const parts = path.split("/");
    const there = tree.find(parts);
    if (there?.kind !== "dir") tree.put(parts, { kind: "dir", mode, uid: 0, gid: 0, mtime: 0 });
  }
  const { name, id } = USER;
  await addAccount(tree, heap, "passwd", `${name}:x:${id}:${id}:${name}:/workspace:/bin/bash`);
  await addAccount(tree, heap, "group", `${name}:x:${id}:`);
  await putText(tree, heap, ["etc", "hostname"], "glovebox\n");
  await putText(tree, heap, ["etc", "hosts"], "127.0.0.1 localhost glovebox\n::1 localhost glovebox\n");
  // The agent answers, in sandboxes with a network.
  await putText(tree, heap, ["etc", "resolv.conf"], "nameserver 127.0.0.1\n");
  // Where Node looks last, for modules of every kind; it leads nowhere in sandboxes without packages.
  const modules = ["node_modules"];
  const target = "/glovebox/packages/node/node_modules";
  if (!tree.find(modules)) tree.put(modules, { kind: "link", target, mode: 0o777, uid: 0, gid: 0, mtime: 0 });
}

/** An image that has a user of that id or name keeps it. */
async function addAccount(tree: FileTree, heap: ContentHeap, file: string, line: string): Promise<void> {
  const path = ["etc", file];
  const found = tree.find(path);
  const text = found?.kind === "file" ? await readText(heap, found.content) : "";
  const taken = text.split("\n").some((one) => {
    const [name, , id] = one.split(":");
    return name === USER.name || id === String(USER.id);
  });
  if (taken) return;
  await putText(tree, heap, path, `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`);
}

async function readText(heap: ContentHeap, { offset, size }: Content): Promise<string> {
  return Buffer.from(await heap.readWhole({ offset, size: Math.min(size, MAX_ACCOUNTS_BYTES) })).toString("utf8");
}

/** Replaces what is there, be it a link that leads elsewhere. */
async function putText(tree: FileTree, heap: ContentHeap, path: readonly string[], text: string): Promise<void> {
  const content = await heap.append([Buffer.from(text)]);
  tree.put(path, { kind: "file", content, mode: 0o644, uid: 0, gid: 0, mtime: 0 });
}
