import type { RunGraph, RunNode } from "@glovebox/sdk";
import { printableLine } from "./printable.ts";

/** Marks that Mermaid or Graphviz would read as more than text, besides what a terminal would obey. */
const SPECIAL = /["\\<>#&`|;{}[\]()]/g;

/** A graph as a Mermaid flowchart: branches within their groups. */
export function mermaidLines(graph: RunGraph): string[] {
  const { ids, structure, below } = arranged(graph);
  const lines = ["flowchart TD"];
  const walk = (parent: string, indent: string) => {
    for (const node of below.get(parent) ?? []) {
      const id = ids.get(node.path) ?? "";
      const label = `"${labelOf(node)}"`;
      if (!structure.has(node.path)) {
        lines.push(`${indent}${id}[${label}]:::${node.status}`);
        continue;
      }
      lines.push(`${indent}subgraph ${id} [${label}]`);
      walk(node.path, `${indent}  `);
      lines.push(`${indent}end`);
    }
  };
  walk("", "  ");
  for (const [from, to] of edgesOf(graph, ids)) lines.push(`  ${from} --> ${to}`);
  for (const [status, style] of Object.entries(COLOURS)) {
    lines.push(`  classDef ${status} fill:${style.fill},stroke:${style.stroke},color:#111`);
  }
  return lines;
}

/** A graph in Graphviz's language. */
export function dotLines(graph: RunGraph): string[] {
  const { ids, structure, below } = arranged(graph);
  const lines = [
    "digraph run {",
    '  node [shape=box style="rounded,filled" fontname="sans-serif"];',
    "  compound=true;",
  ];
  const walk = (parent: string, indent: string) => {
    for (const node of below.get(parent) ?? []) {
      const id = ids.get(node.path) ?? "";
      const { fill, stroke } = COLOURS[node.status];
      if (!structure.has(node.path)) {
        lines.push(`${indent}${id} [label="${labelOf(node)}" fillcolor="${fill}" color="${stroke}"];`);
        continue;
      }
      lines.push(`${indent}subgraph cluster_${id} {`, `${indent}  label="${labelOf(node)}";`);
      // Edges lead to nodes only: a point stands for the cluster.
      lines.push(`${indent}  ${id} [shape=point color="${stroke}" label=""];`);
      walk(node.path, `${indent}  `);
      lines.push(`${indent}}`);
    }
  };
  walk("", "  ");
  for (const [from, to] of edgesOf(graph, ids)) lines.push(`  ${from} -> ${to};`);
  return [...lines, "}"];
}

const COLOURS: { readonly [S in RunNode["status"]]: { readonly fill: string; readonly stroke: string } } = {
  pending: { fill: "#f6f8fa", stroke: "#8c959f" },
  running: { fill: "#ddf4ff", stroke: "#0969da" },
  waiting: { fill: "#fff8c5", stroke: "#9a6700" },
  completed: { fill: "#dafbe1", stroke: "#1a7f37" },
  failed: { fill: "#ffebe9", stroke: "#cf222e" },
  cancelled: { fill: "#eaeef2", stroke: "#6e7781" },
  void: { fill: "#ffffff", stroke: "#d0d7de" },
};

/** Ids of our own, so that no path is ever a part of the language; which nodes hold others; and what is in each. */
function arranged({ nodes }: RunGraph) {
  const ids = new Map(nodes.map(({ path }, index) => [path, `n${index}`]));
  const below = new Map<string, RunNode[]>();
  for (const node of nodes) {
    const parent = node.parent !== undefined && ids.has(node.parent) ? node.parent : "";
    const siblings = below.get(parent);
    if (siblings === undefined) below.set(parent, [node]);
    else siblings.push(node);
  }
  const structure = new Set(nodes.map(({ path }) => path).filter((path) => (below.get(path) ?? []).length > 0));
  return { ids, structure, below };
}

/** From a group to what is in it there is a frame instead of an edge. */
function edgesOf({ nodes, edges }: RunGraph, ids: ReadonlyMap<string, string>): [string, string][] {
  const parents = new Map(nodes.map(({ path, parent }) => [path, parent]));
  return edges.flatMap(({ from, to }): [string, string][] => {
    const [one, other] = [ids.get(from), ids.get(to)];
    return one === undefined || other === undefined || parents.get(to) === from ? [] : [[one, other]];
  });
}

function labelOf({ path, parent, kind, status }: RunNode): string {
  const name = parent !== undefined && path.startsWith(`${parent}/`) ? path.slice(parent.length + 1) : path;
  const what = kind === "step" || kind === "group" || kind === "branch" ? "" : ` - ${kind}`;
  return `${printableLine(name, 80).replace(SPECIAL, (mark) => (mark === "#" ? "no. " : " "))}${what} - ${status}`;
}
