import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Logger, silentLogger, systemClock } from "../../core/index.ts";
import { openSqliteStore, restoreBackup, type Store, type StoreFaults } from "../../store/index.ts";
import { createSecrets, type Secrets } from "./secrets.ts";

const VALUE = "correct horse battery staple";
const HOSTS = ["api.example.com"];

let folder: string;
let dataDir: string;
let keyFile: string;
let logged: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-secrets-"));
  dataDir = join(folder, "data");
  keyFile = join(dataDir, "secrets.key");
  logged = "";
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const log = (fields: Record<string, unknown>, message: string) => {
  logged += `${inspect(fields, { depth: 10 })} ${message}\n`;
};
const logger: Logger = { ...silentLogger, debug: log, info: log, warn: log, error: log };

function secretsOf(store: Store, environmentKey?: string): Secrets {
  const { secrets, authorities, sealedValues } = store;
  const from = environmentKey === undefined ? {} : { environmentKey };
  return createSecrets({ secrets, authorities, sealedValues, keyFile, clock: systemClock, logger, ...from });
}

/** As a server that starts, works and stops. */
async function whileOpen<T>(
  work: (secrets: Secrets, store: Store) => Promise<T>,
  options: { readonly environmentKey?: string; readonly faults?: StoreFaults } = {},
): Promise<T> {
  await using store = await openSqliteStore({ dataDir, ...(options.faults && { faults: options.faults }) });
  const secrets = secretsOf(store, options.environmentKey);
  await secrets.start();
  return await work(secrets, store);
}

const set = (secrets: Secrets, name: string, value = VALUE, tenantId = "acme") =>
  secrets.set(tenantId, { name, value, hosts: HOSTS });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: { code: string }) => error.code,
  );

describe("secrets", () => {
  it("are set, listed without values, bound with a placeholder of their own each time, and deleted", async () => {
    await whileOpen(async (secrets) => {
      const made = await secrets.set("acme", {
        name: "TOKEN",
        value: VALUE,
        hosts: ["API.example.com", "api.example.com"],
      });
      expect(made).toMatchObject({ name: "TOKEN", hosts: ["api.example.com"], version: 1 });
      await set(secrets, "TOKEN", "another value of it");
      await set(secrets, "B", VALUE);
      await set(secrets, "TOKEN", "of somebody else", "umbrella");
      const listed = await secrets.list("acme");
      expect(listed.map(({ name, version }) => [name, version])).toEqual([
        ["B", 1],
        ["TOKEN", 2],
      ]);
      expect(Object.keys(listed[0] ?? {}).toSorted()).toEqual(["createdAt", "hosts", "name", "updatedAt", "version"]);
      const bound = await secrets.bind("acme", ["TOKEN", "B", "TOKEN"]);
      expect(bound.map(({ name, value, hosts }) => [name, value, hosts])).toEqual([
        ["TOKEN", "another value of it", HOSTS],
        ["B", VALUE, HOSTS],
      ]);
      const [first] = bound;
      expect(first?.placeholder).toMatch(/^gbxsecret_TOKEN_[0-9a-f]{32}$/);
      expect((await secrets.bind("acme", ["TOKEN"]))[0]?.placeholder).not.toBe(first?.placeholder);
      expect((await secrets.values("acme")).toSorted()).toEqual(["another value of it", VALUE].toSorted());
      await expect(secrets.bind("acme", ["TOKEN", "NONE"])).rejects.toMatchObject({ code: "not_found" });
      await secrets.delete("acme", "TOKEN");
      expect(await codeOf(secrets.bind("acme", ["TOKEN"]))).toBe("not_found");
      expect(await codeOf(secrets.delete("acme", "TOKEN"))).toBe("not_found");
      expect(await secrets.values("umbrella")).toEqual(["of somebody else"]);
      expect(await secrets.bind("nobody", [])).toEqual([]);
    });
  });

  it("are refused where they could not be masked, kept or sent, without repeating the value", async () => {
    await whileOpen(async (secrets) => {
      const bad = [
        { name: "1A", value: VALUE, hosts: HOSTS },
        { name: "A", value: "1234567", hosts: HOSTS },
        { name: "A", value: "😀😀😀😀😀😀😀", hosts: HOSTS },
        { name: "A", value: "x".repeat(65_537), hosts: HOSTS },
        { name: "A", value: "é".repeat(32_769), hosts: HOSTS },
        { name: "A", value: `${VALUE}\0`, hosts: HOSTS },
        { name: "A", value: `${VALUE}\ud800`, hosts: HOSTS },
        { name: "A", value: VALUE, hosts: [] },
        { name: "A", value: VALUE, hosts: ["*"] },
        { name: "A", value: VALUE, hosts: Array.from({ length: 65 }, (_, at) => `h${at}.example`) },
      ];
      for (const input of bad) {
        const error: unknown = await secrets.set("acme", input).catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: "invalid_argument" });
        expect(inspect(error, { depth: 10 })).not.toContain(input.value);
      }
      await secrets.set("acme", { name: "A", value: "x".repeat(65_536), hosts: HOSTS });
      expect((await secrets.values("acme"))[0]).toHaveLength(65_536);
    });
  });

  it("are on no disk, in no log and in no look at the service", async () => {
    await whileOpen(async (secrets, store) => {
      await set(secrets, "TOKEN");
      await secrets.authorities.put("acme", Buffer.from("a private key of an authority"), 1);
      expect(inspect(secrets, { depth: 20, showHidden: true })).not.toContain(VALUE);
      expect(inspect(store, { depth: 20, showHidden: true })).not.toContain(VALUE);
      await store.maintenance.backup(join(folder, "backup"));
    });
    const key = (await readFile(keyFile, "utf8")).split("\n").find((line) => /^[A-Za-z0-9+/]{43}=$/.test(line)) ?? "";
    expect(Buffer.from(key, "base64")).toHaveLength(32);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((file) => file.isFile());
    for (const file of files) {
      const bytes = await readFile(join(file.parentPath, file.name));
      for (const secret of [VALUE, "a private key of an authority"]) {
        expect([file.name, bytes.includes(secret), bytes.includes(btoa(secret).slice(0, -3))]).toEqual([
          file.name,
          false,
          false,
        ]);
      }
      if (file.name !== "secrets.key") expect([file.name, bytes.includes(key)]).toEqual([file.name, false]);
    }
    expect(logged).toContain("made the master key");
    expect(logged).not.toContain(VALUE);
    expect(logged).not.toContain(key);
  });

  it("do not open in another's place, with other hosts, or changed", async () => {
    await whileOpen(async (secrets, store) => {
      await set(secrets, "A");
      const [row] = await store.secrets.list("acme");
      if (row === undefined) throw new Error("it was set");
      const options = { at: "2026-01-01T00:00:00.000Z", max: 10 };
      const forged = [
        { ...row, name: "B" },
        { ...row, tenantId: "umbrella" },
        { ...row, hosts: ["evil.example"] },
        { ...row, sealed: row.sealed.map((byte, at) => (at === 90 ? byte ^ 1 : byte)) },
      ];
      for (const one of forged) {
        await store.secrets.put(one, options);
        const error: unknown = await secrets.bind(one.tenantId, [one.name]).catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: "unavailable" });
        await store.secrets.put(row, options);
      }
      expect((await secrets.bind("acme", ["A"]))[0]?.value).toBe(VALUE);
    });
  });
});

describe("authorities", () => {
  it("are opaque bytes of a tenant, sealed", async () => {
    const bytes = randomBytes(500);
    await whileOpen(async (secrets) => {
      expect(await secrets.authorities.get("acme")).toBeUndefined();
      await secrets.authorities.put("acme", Buffer.from("older"), 1);
      await secrets.authorities.put("acme", bytes, 2);
      expect(await secrets.authorities.get("umbrella")).toBeUndefined();
    });
    await whileOpen(async (secrets) => {
      expect(Buffer.from((await secrets.authorities.get("acme")) ?? []).equals(bytes)).toBe(true);
    });
  });
});

describe("values of other rooms", () => {
  it("are sealed in scopes of theirs, opened there and nowhere else, and get a new key with the rest", async () => {
    await whileOpen(async (secrets, store) => {
      const { sealedValues } = secrets;
      const put = (scope: string, name: string, value: string) =>
        sealedValues.set("acme", scope, { name, value, max: 2 });
      expect(await put("a/x", "ONE", VALUE)).toMatchObject({ name: "ONE", version: 1 });
      await put("a/x", "TWO", "");
      expect(await codeOf(put("a/x", "THREE", "x"))).toBe("resource_exhausted");
      expect(await put("a/x", "ONE", `${VALUE}!`)).toMatchObject({ version: 2 });
      expect(await secrets.rotateKey()).toMatchObject({ resealed: 2 });
      expect(await sealedValues.open("acme", "a/x")).toEqual({ ONE: `${VALUE}!`, TWO: "" });
      expect(JSON.stringify(await sealedValues.list("acme", "a/x"))).not.toContain(VALUE);
      expect(await sealedValues.open("umbrella", "a/x")).toEqual({});
      const [row] = await store.sealedValues.list("acme", "a/x");
      if (row === undefined) throw new Error("it was just put there");
      for (const moved of [{ scope: "a/y" }, { name: "OTHER" }, { tenantId: "umbrella" }]) {
        const forged = { ...row, ...moved };
        await store.sealedValues.put(forged, { at: row.createdAt, max: 9 });
        expect(await codeOf(sealedValues.open(forged.tenantId, forged.scope))).toBe("unavailable");
        await sealedValues.delete(forged.tenantId, forged.scope, forged.name);
      }
      expect(await sealedValues.scopes("acme", "a/")).toEqual(["a/x"]);
    });
    await whileOpen(async ({ sealedValues }) => {
      expect(await sealedValues.delete("acme", "a/x", "TWO")).toBe(true);
      expect(await sealedValues.open("acme", "a/x")).toEqual({ ONE: `${VALUE}!` });
    });
    const disk = await Promise.all(
      (await readdir(dataDir, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => readFile(join(entry.parentPath, entry.name))),
    );
    expect(disk.some((bytes) => bytes.includes(VALUE))).toBe(false);
  });
});

describe("the master key", () => {
  it("is made once, at first need, for its owner only", async () => {
    await whileOpen(async (secrets) => {
      expect(await codeOf(stat(keyFile))).toBe("ENOENT");
      await Promise.all(["A", "B", "C"].map((name) => set(secrets, name)));
    });
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect((await readdir(dataDir)).filter((name) => name.startsWith("secrets.key"))).toEqual(["secrets.key"]);
    const before = await readFile(keyFile, "utf8");
    await whileOpen(async (secrets) => {
      await set(secrets, "D");
      expect(await secrets.values("acme")).toHaveLength(4);
    });
    expect(await readFile(keyFile, "utf8")).toBe(before);
  });

  it("is never replaced when it is lost, broken or another: everything is refused until it is back", async () => {
    await whileOpen((secrets) => set(secrets, "A"));
    const good = await readFile(keyFile, "utf8");
    const key = good.split("\n").at(-2) ?? "";
    const wrong = [
      undefined,
      "",
      "garbage",
      good.slice(0, -10),
      key.replace(/^./, "!"),
      randomBytes(32).toString("base64"),
      `${key}\n${key}`,
      "x".repeat(5000),
    ];
    for (const content of wrong) {
      if (content === undefined) await rename(keyFile, join(folder, "lost"));
      else await writeFile(keyFile, content);
      await whileOpen(async (secrets, store) => {
        expect(logged).toContain("secrets cannot be used");
        const refused = [
          secrets.bind("acme", ["A"]),
          secrets.values("acme"),
          set(secrets, "B"),
          secrets.rotateKey(),
          secrets.authorities.put("acme", Buffer.from("x"), 1),
        ];
        expect([content, await Promise.all(refused.map(codeOf))]).toEqual([content, refused.map(() => "unavailable")]);
        expect(await secrets.list("acme")).toHaveLength(1);
        expect(await store.secrets.keyIds()).toHaveLength(1);
        expect(await codeOf(readFile(keyFile, "utf8"))).toBe(content === undefined ? "ENOENT" : "done");
        // Repaired while the server runs.
        await writeFile(keyFile, good);
        expect(await secrets.values("acme")).toEqual([VALUE]);
      });
    }
    expect(logged).not.toContain(key);
  });

  it("may be read by its owner only, or the log says so", async () => {
    await whileOpen((secrets) => set(secrets, "A"));
    await chmod(keyFile, 0o644);
    await whileOpen((secrets) => secrets.values("acme"));
    expect(logged).toContain("others may read the master key");
  });

  it("is not in a backup, which is worth nothing without it", async () => {
    await whileOpen(async (secrets, store) => {
      await set(secrets, "A");
      await secrets.authorities.put("acme", Buffer.from("bytes"), 1);
      await store.maintenance.backup(join(folder, "backup"));
    });
    const key = await readFile(keyFile);
    await rm(dataDir, { recursive: true });
    await restoreBackup(join(folder, "backup"), dataDir);
    await whileOpen(async (secrets) => {
      expect(await codeOf(secrets.values("acme"))).toBe("unavailable");
      await writeFile(keyFile, key);
      expect(await secrets.values("acme")).toEqual([VALUE]);
      expect(Buffer.from((await secrets.authorities.get("acme")) ?? []).toString()).toBe("bytes");
    });
  });
});

describe("rotating the master key", () => {
  it("seals everything anew, of every tenant, and forgets the old key", async () => {
    await whileOpen(async (secrets, store) => {
      await Promise.all(Array.from({ length: 120 }, (_, at) => set(secrets, `S${at}`, `${VALUE} ${at}`, `t${at % 2}`)));
      await secrets.authorities.put("t0", Buffer.from("bytes"), 1);
      const old = await store.secrets.keyIds();
      const [rotation] = await Promise.all([secrets.rotateKey(), set(secrets, "LATE"), secrets.values("t0")]);
      expect(rotation).toMatchObject({ resealed: 121 });
      expect(old).not.toContain(rotation.keyId);
      expect([await store.secrets.keyIds(), await store.authorities.keyIds()]).toEqual([
        [rotation.keyId],
        [rotation.keyId],
      ]);
      expect((await secrets.values("t1")).toSorted()[0]).toBe(`${VALUE} 1`);
    });
    expect(
      (await readFile(keyFile, "utf8"))
        .trim()
        .split("\n")
        .filter((line) => !line.startsWith("#")),
    ).toHaveLength(1);
    await whileOpen(async (secrets) => {
      expect(await secrets.values("t0")).toHaveLength(60);
      expect(await secrets.values("acme")).toEqual([VALUE]);
      expect(Buffer.from((await secrets.authorities.get("t0")) ?? []).toString()).toBe("bytes");
    });
  });

  it("goes on at the next start when it was cut short, with both keys until then", async () => {
    let left = Number.POSITIVE_INFINITY;
    const before = (kind: string) => {
      if (kind === "secret" && left-- <= 0) throw new Error("the machine stops here");
    };
    await whileOpen(
      async (secrets) => {
        for (let at = 0; at < 5; at += 1) await set(secrets, `S${at}`);
        left = 2;
        expect(await codeOf(secrets.rotateKey())).toBe("store_failed");
        expect(await secrets.values("acme")).toHaveLength(5);
      },
      { faults: { before } },
    );
    const keys = async () => (await readFile(keyFile, "utf8")).split("\n").filter((line) => /^[^#]/.test(line));
    expect(await keys()).toHaveLength(2);
    await whileOpen(async (secrets, store) => {
      expect(await store.secrets.keyIds()).toHaveLength(1);
      expect(await secrets.values("acme")).toHaveLength(5);
    });
    expect(await keys()).toHaveLength(1);
  });

  it("opens everything wherever it was cut short", async () => {
    const value = (at: number) => `${VALUE} ${at}`;
    await whileOpen(async (secrets) => {
      for (let at = 0; at < 4; at += 1) await set(secrets, `S${at}`, value(at));
    });
    for (let writes = 0; writes <= 4; writes += 1) {
      let left = writes;
      const before = (kind: string) => {
        if (kind === "secret" && left-- <= 0) throw new Error("the machine stops here");
      };
      await whileOpen((secrets) => codeOf(secrets.rotateKey()), { faults: { before } });
      await whileOpen(async (secrets, store) => {
        expect((await secrets.values("acme")).toSorted()).toEqual([0, 1, 2, 3].map(value));
        expect(await store.secrets.keyIds()).toHaveLength(1);
      });
    }
  });

  it("takes the old key out at the next start when only that was left to do", async () => {
    await whileOpen((secrets) => set(secrets, "A"));
    const one = await readFile(keyFile, "utf8");
    await writeFile(keyFile, `${one}${randomBytes(32).toString("base64")}\n`);
    await whileOpen(async (secrets) => expect(await secrets.values("acme")).toEqual([VALUE]));
    expect(await readFile(keyFile, "utf8")).toBe(one);
  });

  it("does not touch a key file that somebody else has put there", async () => {
    await whileOpen(async (secrets) => {
      await set(secrets, "A");
      const other = `${randomBytes(32).toString("base64")}\n`;
      await writeFile(keyFile, other);
      expect(await codeOf(secrets.rotateKey())).toBe("conflict");
      expect(await readFile(keyFile, "utf8")).toBe(other);
      expect(await secrets.values("acme")).toEqual([VALUE]);
    });
  });
});

describe("a master key from the environment", () => {
  const [one, two] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];

  it("stands instead of the file, and is rotated by starting with the new one before the old one", async () => {
    await whileOpen(
      async (secrets) => {
        await set(secrets, "A");
        expect(await codeOf(secrets.rotateKey())).toBe("conflict");
        expect(await codeOf(stat(keyFile))).toBe("ENOENT");
      },
      { environmentKey: one },
    );
    await whileOpen(async (secrets) => expect(await codeOf(secrets.values("acme"))).toBe("unavailable"), {
      environmentKey: two,
    });
    await whileOpen(
      async (secrets, store) => {
        expect(await store.secrets.keyIds()).toHaveLength(1);
        expect(await secrets.values("acme")).toEqual([VALUE]);
      },
      { environmentKey: `${two}, ${one}` },
    );
    await whileOpen(async (secrets) => expect(await secrets.values("acme")).toEqual([VALUE]), { environmentKey: two });
    expect(logged).not.toContain(one);
  });

  it.each(["", "short", `${one},`, `${one}x`, `${one},${one}`])(
    "is refused when it is none (%#)",
    async (environmentKey) => {
      await whileOpen(
        async (secrets) => {
          const error: unknown = await set(secrets, "A").catch((reason: unknown) => reason);
          expect(error).toMatchObject({ code: "unavailable" });
          expect(inspect(error)).not.toContain(one);
        },
        { environmentKey },
      );
    },
  );
});
