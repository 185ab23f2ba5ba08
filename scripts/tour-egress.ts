import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { startTourServer } from "./tour-server.ts";
import { expect, type Stop } from "./tour-stops.ts";

/** Of this machine's loopback, but none that programs take for themselves: they ask the proxy. */
const ADDRESS = "127.0.0.2";
const KEY = "tour-key-that-never-enters-the-sandbox";

const CALL = `import os, sys, urllib.error, urllib.request as web
key = os.environ["API_KEY"]
try:
    print(web.urlopen(web.Request(sys.argv[1], headers={"Authorization": "Bearer " + key})).read().decode(), key)
except urllib.error.HTTPError as error:
    print(error.code, key)`;

/**
 * The network, on a machine that may have none: what is called is a little web server of the tour's own. A loopback address is refused unless the
 * operator permits it, so this stop has a server for itself, which does.
 */
export const network: Stop = {
  title: "out only where allowed, and without the key in hand",
  async show() {
    const asked: (string | undefined)[] = [];
    const origin = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.end("welcome");
    });
    origin.listen(0, ADDRESS);
    await once(origin, "listening");
    const { port } = origin.address() as AddressInfo;
    const scratch = await mkdtemp(join(tmpdir(), "glovebox-tour-"));
    const server = await startTourServer(["--data", scratch, "--port", "0"], scratch, {
      GLOVEBOX_EGRESS_PERMIT_ADDRESSES: `${ADDRESS}/32`,
    });
    try {
      const box = await Glovebox.connect({ url: server.url, token: server.token });
      await box.secrets.set("API_KEY", { value: KEY, hosts: [`${ADDRESS}:${port}`] });
      await box.templates.create({
        name: "out",
        isolation: "bubblewrap",
        network: { mode: "allowlist", allow: [`http://${ADDRESS}:${port}/*`] },
        secrets: ["API_KEY"],
      });
      await using session = await box.sessions.create({ template: "out" });
      const call = (url: string) => session.exec(["python3", "-c", CALL, url]);
      const allowed = await call(`http://${ADDRESS}:${port}/`);
      expect(allowed.stdout.startsWith("welcome"), `the allowed call failed: ${allowed.stdout} ${allowed.stderr}`);
      expect(asked[0] === `Bearer ${KEY}`, "the key was not put in");
      expect(!allowed.stdout.includes(KEY), "the key was seen inside");
      const refused = await call("http://example.org/");
      expect(refused.stdout.startsWith("403"), `the other call was not refused: ${refused.stdout} ${refused.stderr}`);
      return { text: "the host got the key, the sandbox a placeholder; another host: 403" };
    } finally {
      await server.stop();
      origin.closeAllConnections();
      origin.close();
    }
  },
};
