/** Every way in which what the store keeps of a journal can be damaged, byte for byte. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Damage } from "./subject.ts";

const TEXTS = ["type", "step", "place", "payload", "payload_hash", "hash"] as const;
const NUMBERS = ["ts", "attempt"] as const;
type Column = (typeof TEXTS)[number] | (typeof NUMBERS)[number];
type Row = Readonly<Record<Column, string | number | null>> & { readonly seq: number };

/** Of each text the first, the last and a chosen byte; of the second record, which is small, all. `choose` gives a number below its argument. */
export function damagesOf(dataDir: string, runId: string, choose: (below: number) => number): readonly Damage[] {
  const edit = (work: (db: Database) => void) => {
    const db = new Database(join(dataDir, "glovebox.db"));
    try {
      work(db);
    } finally {
      db.close();
    }
  };
  const rows: Row[] = [];
  edit((db) =>
    rows.push(...(db.prepare("SELECT * FROM run_records WHERE run_id = ? ORDER BY seq").all(runId) as Row[])),
  );
  return [
    ...rows.flatMap((row) => damagedCells(edit, runId, row, row.seq === 2 ? "all" : choose)),
    ...missingRows(edit, runId, rows),
    ...damagedHead(edit, runId, rows.length),
    ...rows.filter(({ place }) => place === "blob").flatMap((row) => damagedBlob(dataDir, row, choose)),
  ];
}

type Edit = (work: (db: Database) => void) => void;
type Choose = (below: number) => number;

function damagedCells(edit: Edit, runId: string, row: Row, which: Choose | "all"): Damage[] {
  const set = (column: string, value: string, parameter: unknown, seq: number) => () =>
    edit((db) => {
      const update = db.prepare(`UPDATE run_records SET ${column} = ${value} WHERE run_id = ? AND seq = ?`);
      update.run(parameter as Uint8Array, runId, seq);
    });
  const damages: Damage[] = [];
  for (const column of TEXTS) {
    const text = row[column];
    if (typeof text !== "string") continue;
    const bytes = Buffer.from(text);
    for (const at of positions(bytes.length, which)) {
      const what = `byte ${at} of ${column} of record ${row.seq}`;
      // As bytes, which need not be UTF-8 any more.
      const make = set(column, "CAST(? AS TEXT)", flipped(bytes, at), row.seq);
      damages.push({ what, seq: row.seq, make, undo: set(column, "?", text, row.seq) });
    }
  }
  for (const column of NUMBERS) {
    const number = row[column];
    if (typeof number !== "number") continue;
    for (let bit = 0n; bit < 62n; bit += 7n) {
      const make = set(column, "?", BigInt(number) ^ (1n << bit), row.seq);
      damages.push({
        what: `bit ${bit} of ${column} of record ${row.seq}`,
        seq: row.seq,
        make,
        undo: set(column, "?", number, row.seq),
      });
    }
  }
  const far = row.seq ^ (1 << 20);
  damages.push({
    what: `seq of record ${row.seq}`,
    seq: row.seq,
    make: set("seq", "?", far, row.seq),
    undo: set("seq", "?", row.seq, far),
  });
  return damages;
}

function missingRows(edit: Edit, runId: string, rows: readonly Row[]): Damage[] {
  const other = `${runId.slice(0, -1)}x`;
  const move = (from: string, to: string, seq: number) => () =>
    edit((db) => void db.prepare("UPDATE run_records SET run_id = ? WHERE run_id = ? AND seq >= ?").run(to, from, seq));
  return rows.map(({ seq }) => ({
    what: `records from ${seq} on`,
    seq,
    make: move(runId, other, seq),
    undo: move(other, runId, seq),
  }));
}

function damagedHead(edit: Edit, runId: string, records: number): Damage[] {
  const read = "SELECT head_seq AS seq, head_hash AS hash FROM runs WHERE id = ?";
  let head = { seq: 0, hash: "" };
  edit((db) => {
    head = db.prepare(read).get(runId) as typeof head;
  });
  const set = (column: string, value: string | number) => () =>
    edit((db) => void db.prepare(`UPDATE runs SET ${column} = ? WHERE id = ?`).run(value, runId));
  const undoHash = set("head_hash", head.hash);
  const undoSeq = set("head_seq", head.seq);
  const hashes = Array.from(head.hash, (_, at) => flipped(Buffer.from(head.hash), at).toString());
  return [
    ...hashes.map((hash, at) => ({
      what: `byte ${at} of the head's hash`,
      seq: records,
      make: set("head_hash", hash),
      undo: undoHash,
    })),
    { what: "a head further on", seq: records + 1, make: set("head_seq", records + 1), undo: undoSeq },
    { what: "a head further back", seq: records - 1, make: set("head_seq", records - 1), undo: undoSeq },
  ];
}

function damagedBlob(dataDir: string, { seq, payload_hash: hash }: Row, choose: Choose): Damage[] {
  const file = join(dataDir, "blobs", String(hash).slice(0, 2), String(hash));
  const change = (at: number) => async () => writeFile(file, flipped(await readFile(file), at));
  const bytes = [0, 1, choose(70_000), choose(70_000)].map((at) => ({
    what: `byte ${at} of the blob of record ${seq}`,
    seq,
    make: change(at),
    undo: change(at),
  }));
  return [
    ...bytes,
    {
      what: `the blob of record ${seq}`,
      seq,
      make: () => rename(file, `${file}.away`),
      undo: () => rename(`${file}.away`, file),
    },
  ];
}

function positions(length: number, which: Choose | "all"): Iterable<number> {
  return which === "all" ? Array(length).keys() : new Set([0, length - 1, which(length)]);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
