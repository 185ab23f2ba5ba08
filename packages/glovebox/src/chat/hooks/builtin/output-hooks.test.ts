import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HookOutcome } from "../hook.ts";
import { maskText } from "./mask-text.ts";
import { runBuiltin, stageServices } from "./testing.ts";

const KEY = `ghp_${"a1B2c3D4e5".repeat(4)}`;
const MAIL = "grace.hopper@navy.example.org";

const ran = (more: Partial<HookOutcome> = {}): HookOutcome => ({
  language: "python",
  code: "print(1)",
  status: "ok",
  exitCode: 0,
  stdout: "1\n",
  stderr: "",
  ...more,
});

describe("a text that is masked in pieces", () => {
  const redactor = stageServices().redactor({ strict: false, emails: true });
  const never = new AbortController().signal;

  it("is masked as in one", async () => {
    const pieces = fc.constantFrom(KEY, MAIL, " ", "\n", "password=", "x".repeat(40_000), "é😀", "4111 1111 1111 1111");
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), async (parts) => {
        const text = parts.join("");
        expect(await maskText(redactor, text, never)).toBe(redactor.redact(text));
        expect(await maskText(redactor, text, never, 10)).toBe(redactor.redact(text).slice(0, 10));
      }),
      { numRuns: 60 },
    );
  });

  it("lets others have their turn, and stops when it is to", async () => {
    const text = `${MAIL} `.repeat(20_000);
    let turns = 0;
    const count = setInterval(() => {
      turns += 1;
    }, 0);
    const stop = new AbortController();
    const masking = maskText(redactor, text, stop.signal);
    setImmediate(() => stop.abort(new Error("enough")));
    await expect(masking).rejects.toThrow("enough");
    while (turns === 0) await maskText(redactor, text, never);
    clearInterval(count);
  });
});

describe("execution-log", () => {
  const logOf = async (options: unknown, outcome: HookOutcome) => {
    const services = stageServices();
    expect((await runBuiltin("post_execution", "execution-log", options, outcome, services)).outcome).toBe("allow");
    expect(services.lines).toHaveLength(1);
    return services.lines[0];
  };

  it("writes who ran what and how it ended, and none of the text", async () => {
    const secret = ran({ code: "print('zanzibar')", stdout: "zanzibar", stderr: "madagascar", durationMs: 12 });
    const line = await logOf({}, secret);
    expect(line).toEqual({
      level: "info",
      message: "code of a conversation ran",
      fields: {
        tenantId: "acme",
        conversationId: "c-1",
        runId: "r-1",
        assistant: "helper",
        language: "python",
        status: "ok",
        exitCode: 0,
        durationMs: 12,
        codeSha256: createHash("sha256").update(secret.code).digest("hex"),
        codeLength: 17,
        stdoutLength: 8,
        stderrLength: 10,
      },
    });
  });

  it("writes code and output when asked, masked and cut", async () => {
    const outcome = ran({ code: `key = "${KEY}"\n${"x".repeat(100)}`, stdout: MAIL, stderr: "no such file" });
    const { fields } = (await logOf({ level: "warn", code: true, output: true, maxLength: 40 }, outcome)) ?? {};
    expect(fields).toMatchObject({ stdout: "[redacted]", stderr: "no such file" });
    expect(fields?.code).toHaveLength(40);
    expect(JSON.stringify(fields)).not.toContain("a1B2c3");
    expect((await logOf({ level: "warn" }, ran()))?.level).toBe("warn");
    expect((await logOf({ code: true }, ran()))?.fields).not.toHaveProperty("stdout");
    expect((await logOf({ output: true }, ran()))?.fields).not.toHaveProperty("code");
  });
});

describe("output-sanitiser", () => {
  it("masks in the output and says how many of which kind", async () => {
    const outcome = ran({ durationMs: 3, stdout: `${KEY}\n${MAIL}\nand 42\n`, stderr: `from ${MAIL}, to ${MAIL}` });
    const result = await runBuiltin("post_execution", "output-sanitiser", {}, outcome);
    expect(result).toMatchObject({
      outcome: "allow",
      value: {
        ...outcome,
        stdout: "ghp_[redacted]\n[redacted]\nand 42\n",
        stderr: "from [redacted], to [redacted]",
      },
    });
    expect(result.decisions[0]).toMatchObject({
      decision: "modify",
      notes: [
        { code: "redacted", message: "masked 1 secret and 1 e-mail address in stdout" },
        { code: "redacted", message: "masked 2 e-mail addresses in stderr" },
      ],
    });
  });

  it("masks in answers", async () => {
    const text = `Write to ${MAIL}.`;
    const result = await runBuiltin("post_llm", "output-sanitiser", {}, { text });
    expect(result).toMatchObject({ value: { text: "Write to [redacted]." } });
    expect(result.decisions[0]?.notes[0]?.message).toBe("masked 1 e-mail address in the answer");
  });

  it("leaves addresses, or points, out when it is told to", async () => {
    const text = `${KEY} ${MAIL}`;
    expect(await runBuiltin("post_llm", "output-sanitiser", { emails: false }, { text })).toMatchObject({
      value: { text: `ghp_[redacted] ${MAIL}` },
    });
    const elsewhere = await runBuiltin("post_llm", "output-sanitiser", { points: ["post_execution"] }, { text });
    expect(elsewhere).toMatchObject({ value: { text }, decisions: [] });
    const word = "token: something";
    expect(await runBuiltin("post_llm", "output-sanitiser", {}, { text: word })).toMatchObject({
      value: { text: word },
    });
    expect(await runBuiltin("post_llm", "output-sanitiser", { strict: true }, { text: word })).toMatchObject({
      value: { text: "token: [redacted]" },
    });
  });

  it("says nothing of output without any, also where it was masked before", async () => {
    const result = await runBuiltin("post_execution", "output-sanitiser", {}, ran({ stdout: "password=[redacted]" }));
    expect(result.decisions).toMatchObject([{ decision: "allow", notes: [] }]);
  });

  it("gets through a megabyte of addresses", async () => {
    const stdout = `${MAIL}\n`.repeat(35_000);
    const result = await runBuiltin("post_execution", "output-sanitiser", {}, ran({ stdout }));
    expect(result.decisions[0]?.notes[0]?.message).toBe("masked 35000 e-mail addresses in stdout");
  });

  it("lets no key and no address through, whatever stands around it", async () => {
    const around = fc.array(fc.constantFrom(" ", "\n", "x", "=", '"', "[redacted]", "😀", "token:", "<"), {
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(around, around, fc.constantFrom(KEY, MAIL), async (before, after, secret) => {
        const text = `${before.join("")} ${secret} ${after.join("")}`;
        const result = await runBuiltin("post_llm", "output-sanitiser", {}, { text });
        expect(JSON.stringify(result)).not.toContain(secret);
      }),
      { numRuns: 100 },
    );
  });
});
