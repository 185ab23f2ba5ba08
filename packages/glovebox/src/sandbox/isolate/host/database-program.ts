/**
 * The program that opens databases, run by Node inside the helper sandbox with that sandbox's rights: a line of JSON
 * in, a line of JSON out. It is handed over as text, so it stands alone.
 */
export const DATABASE_PROGRAM = `
import { constants, DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";

const open = new Map();
let next = 1;
const pack = (value) => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : { bigint: String(value) };
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  return value;
};
const unpack = (value) => {
  if (typeof value !== "object" || value === null) return value;
  return "bigint" in value ? BigInt(value.bigint) : Buffer.from(value.hex, "hex");
};
const row = (item) => Object.fromEntries(Object.entries(item).map(([name, value]) => [name, pack(value)]));
const prepare = ({ id, sql }) => {
  const statement = find(id).prepare(sql);
  statement.setReadBigInts(true);
  return statement;
};
const find = (id) => {
  const database = open.get(id);
  if (!database) throw new Error("the database is not open");
  return database;
};
const work = {
  open: ({ path, readOnly }) => {
    if (open.size >= 16) throw new Error("at most 16 databases at once");
    const id = next++;
    const database = new DatabaseSync(path, { readOnly });
    // VACUUM INTO writes a file even then; it does so by attaching it.
    if (readOnly) database.setAuthorizer((code) => (code === constants.SQLITE_ATTACH ? constants.SQLITE_DENY : constants.SQLITE_OK));
    open.set(id, database);
    return { id };
  },
  exec: ({ id, sql }) => (find(id).exec(sql), null),
  run: (ask) => row(prepare(ask).run(...ask.values.map(unpack))),
  all: (ask) => {
    const rows = [];
    for (const item of prepare(ask).iterate(...ask.values.map(unpack))) {
      if (rows.push(row(item)) > 100000) throw new Error("more than 100000 rows");
    }
    return rows;
  },
  close: ({ id }) => (find(id).close(), open.delete(id), null),
};
for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  let answer;
  try {
    answer = { value: work[ask.what](ask) };
  } catch (error) {
    answer = { error: String(error?.message ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
}
`;
