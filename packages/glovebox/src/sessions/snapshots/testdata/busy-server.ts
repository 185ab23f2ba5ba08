/** A server that takes snapshots, rolls back and forks without end, for tests that kill it. Prints a line as it begins each. */
import { openStage, TENANT } from "../../testing/stage.ts";

const stage = await openStage({ dir: process.argv[2] ?? "" });
const { snapshots, sessions } = stage.services;
await stage.services.recover();
const id = await stage.session();
const fill = (letter: string) =>
  stage.run(id, {
    kind: "command",
    argv: ["bash", "-c", `for i in $(seq 150); do mkdir -p d$((i % 7)); echo ${letter} > d$((i % 7))/f$i; done`],
  });
const states: string[] = [];
for (const letter of ["a", "b", "c"]) {
  await fill(letter);
  states.push((await snapshots.create(TENANT, id)).id);
}
process.stdout.write(`ready ${id}\n`);
for (let round = 0; ; round += 1) {
  process.stdout.write("rollback\n");
  await snapshots.rollback(TENANT, id, states[round % states.length] ?? "");
  process.stdout.write("snapshot\n");
  await snapshots.create(TENANT, id);
  process.stdout.write("fork\n");
  const made = await snapshots.fork(TENANT, id, { count: 2 });
  await Promise.all(made.sessions.map((child) => sessions.close(TENANT, child.id)));
}
