/** A server in a process of its own, for `cases/audit.ts`: `with` or `without` its audit log. Prints `{url, token}`, and ends with its stdin. */
import { startTestServer } from "../packages/glovebox/src/surfaces/http/testing/server.ts";

// Measured is what a request costs, not how many one may make.
const requests = { take: () => 0 };
const server = await startTestServer({ audited: process.argv[2] === "with", guards: { requests } });
console.log(JSON.stringify({ url: server.url, token: server.root }));
process.stdin.resume().once("end", () => void server[Symbol.asyncDispose]());
