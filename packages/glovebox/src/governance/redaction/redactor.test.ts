import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LOOK_BACK } from "./detect.ts";
import { createRedactor } from "./redactor.ts";

const redactor = createRedactor("default");
const R = "[redacted]";
const letters = (count: number) => "aB3dE6gH9j".repeat(Math.ceil(count / 10)).slice(0, count);
/** Written in two parts so that no scanner of repositories takes the sample for a real secret. */
const sample = (prefix: string, rest: string) => prefix + rest;
const PEM_BODY = `${letters(64)}\n${letters(64)}\n${letters(20)}==\n`;
const pem = (label: string) => `-----BEGIN ${label}-----\n${PEM_BODY}-----END ${label}-----\n`;
const JWT = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${letters(43)}`;

const SECRETS: readonly (readonly [name: string, text: string, masked: string])[] = [
  ["a GitHub token", sample("ghp_", letters(36)), `ghp_${R}`],
  ["a GitHub server token", sample("ghs_", letters(36)), `ghs_${R}`],
  ["a fine-grained GitHub token", sample("github_pat_", `${letters(22)}_${letters(59)}`), `github_pat_${R}`],
  ["an AWS key id", sample("AKIA", "IOSFODNN7EXAMPLE"), `AKIA${R}`],
  ["an AWS secret", `aws_secret_access_key = ${letters(30)}/${letters(9)}`, `aws_secret_access_key = ${R}`],
  ["a Google key", sample("AIza", letters(35)), `AIz${R}`],
  ["a Slack token", sample("xoxb-", "1234567890-abcdefABCDEF"), `xoxb-${R}`],
  ["an OpenAI key", sample("sk-", `proj-${letters(40)}`), `sk-${R}`],
  ["one of our own tokens", sample("gbx_", letters(43)), `gbx_${R}`],
  ["a JSON Web Token", JWT, `eyJ${R}`],
  ["a bearer header", `Authorization: Bearer ${letters(32)}`, `Authorization: Bearer ${R}`],
  ["a basic header", "Authorization: Basic dXNlcjpwYXNzd29yZA==", `Authorization: Basic ${R}`],
  ["a password in an environment", "DB_PASSWORD=correcthorse", `DB_PASSWORD=${R}`],
  ["a password in JSON", '{"password": "correct horse battery"}', `{"password": "${R}"}`],
  ["a password in JSON in JSON", '{\\"api_key\\":\\"abcdef123\\"}', `{\\"api_key\\":\\"${R}\\"}`],
  [
    "a long password in JSON in JSON",
    `{\\"api_key\\":\\"${letters(80)}\\", \\"x\\": 1}`,
    `{\\"api_key\\":\\"${R}\\", \\"x\\": 1}`,
  ],
  ["a password with a quote in it", `"password": "ab\\"cdefgh", "x": 1`, `"password": "${R}", "x": 1`],
  ["a long password with a quote in it", `"password": "${letters(80)}\\"cd", "x": 1`, `"password": "${R}", "x": 1`],
  ["a camel-case key", "accessToken: 'a1b2c3d4'", `accessToken: '${R}'`],
  ["a password in a URL", "postgres://me:s3cr3t@db:5432/x", `postgres://me:${R}@db:5432/x`],
  ["a card number in groups", "4111 1111 1111 1111", `4111 11${R}`],
  ["a card number in a row", "pay 5555555555554444 now", `pay 555555${R} now`],
  ["a card number of fifteen digits", "3782-822463-10005", `3782-82${R}`],
  ["a card number with its date", "4111 1111 1111 1111 12/25", `4111 11${R} 12/25`],
  ["a private key", pem("RSA PRIVATE KEY"), `-----BEGIN RSA PRIVATE KEY-----${R}-----END RSA PRIVATE KEY-----\n`],
  ["a certificate", pem("CERTIFICATE"), `-----BEGIN CERTIFICATE-----${R}-----END CERTIFICATE-----\n`],
  [
    "a quoted private key",
    `"private_key": "${pem("EC PRIVATE KEY")}"`,
    `"private_key": "-----BEGIN EC PRIVATE KEY-----${R}-----END EC PRIVATE KEY-----\n"`,
  ],
];

const ORDINARY = [
  "hello world\n",
  "max_tokens: 4096, next: 17",
  "token = get_token()",
  'password = os.environ["DB"]',
  "password: string;",
  "the task-force of disk-usage",
  "risk-averse-and-very-long-hyphenated-words-here",
  "1732165714123 1732165714124",
  "0.4111111111111111",
  "4111 1111 1111 1112",
  "123e4567-e89b-12d3-a456-426614174000",
  "http://localhost:8080/path",
  "-----------\nBEGIN",
  "token=$TOKEN",
  "password=********",
  "eyJ is how they begin",
  "Bearer of news",
  "AKIA is short",
];

/** What comes out, and the most that was held on the way. */
function inPieces(text: string, cuts: readonly number[]): { readonly out: string; readonly mostHeld: number } {
  const stream = redactor.stream();
  let out = "";
  let mostHeld = 0;
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    out += stream.push(text.slice(from, cut));
    mostHeld = Math.max(mostHeld, stream.heldBytes);
    from = cut;
  }
  out += stream.push(text.slice(from)) + stream.flush();
  return { out, mostHeld };
}

/** Text made of what secrets are made of, so that random cases come near them. */
const FRAGMENTS = [
  ...SECRETS.map(([, text]) => text),
  ...ORDINARY,
  "ghp_",
  "sk-",
  "eyJ",
  ".",
  "password",
  "=",
  ":",
  " ",
  '"',
  "'",
  "\\",
  "\n",
  "-----BEGIN ",
  "KEY-----",
  "-----END ",
  "-----",
  "Bearer ",
  "Authorization: ",
  "4111",
  "1111",
  "-",
  "://",
  "@",
  "a",
  "Z9",
  "é",
  "😀",
  "token => ",
  letters(70),
  "AKIA",
  "AIz",
];
const text = fc
  .array(fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ maxLength: 12 })), { maxLength: 14 })
  .map((parts) => parts.join(""));

describe("redaction", () => {
  it.each(SECRETS)("masks %s", (_name, secret, masked) => {
    expect(redactor.redact(secret)).toBe(masked);
    expect(redactor.redact(`before ${secret} after`)).toBe(`before ${masked} after`);
  });

  it.each(ORDINARY)("leaves %j alone", (ordinary) => {
    expect(redactor.redact(ordinary)).toBe(ordinary);
    expect(redactor.redact(`${ordinary}\n${ordinary}\n`)).toBe(`${ordinary}\n${ordinary}\n`);
  });

  it.each(SECRETS)("masks %s wherever it is cut", (_name, secret) => {
    const whole = redactor.redact(`x ${secret}\n`);
    for (let cut = 0; cut <= secret.length + 3; cut += 1) expect(inPieces(`x ${secret}\n`, [cut]).out).toBe(whole);
    expect(
      inPieces(
        `x ${secret}\n`,
        Array.from({ length: secret.length }, (_, at) => at),
      ).out,
    ).toBe(whole);
  });

  it("gives the same whatever the pieces, and holds little back", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(400), { maxLength: 40 }), (input, cuts) => {
        const { out, mostHeld } = inPieces(
          input,
          cuts.map((cut) => Math.min(cut, input.length)),
        );
        expect(out).toBe(redactor.redact(input));
        expect(mostHeld).toBeLessThanOrEqual(64 * 1024);
      }),
      { numRuns: 3000 },
    );
  });

  it("masks the same when its own answer is masked again", () => {
    for (const [, secret] of SECRETS) {
      const once = redactor.redact(secret);
      expect(redactor.redact(once)).toBe(once);
    }
  });

  it("gives prompts and unfinished lines out at once", () => {
    for (const prompt of [
      "Password: ",
      ">>> ",
      "In [1]: ",
      "Continue? [y/n] ",
      "loading 45",
      "token=",
      "Authorization: Bearer ",
    ]) {
      const stream = redactor.stream();
      expect(stream.push(prompt)).toBe(prompt);
      expect(stream.heldBytes).toBe(0);
    }
  });

  it("tells how many bytes it holds, in UTF-8", () => {
    const stream = redactor.stream();
    expect(stream.push("password='ä")).toBe("password='");
    expect(stream.heldBytes).toBe(2);
    expect(stream.flush()).toBe("ä");
    expect(stream.heldBytes).toBe(0);
  });

  it("looks back no further than it keeps", () => {
    const far = `${"n".repeat(LOOK_BACK * 2)}_password=${letters(20)}`;
    expect(inPieces(far, [LOOK_BACK, far.length - 20]).out).toBe(redactor.redact(far));
    expect(redactor.redact(far)).toContain(R);
  });

  it("ends the masking of a PEM block that has no end", () => {
    const out = redactor.redact(`-----BEGIN X-----${"a".repeat(200_000)}`);
    expect(out.length).toBe("-----BEGIN X-----".length + R.length + 200_000 - 64 * 1024);
  });

  it("does nothing under the profile off", () => {
    const off = createRedactor("off");
    const secret = `ghp_${letters(36)}`;
    expect(off.redact(secret)).toBe(secret);
    expect(off.redactJson({ secret })).toEqual({ secret });
    const stream = off.stream();
    expect(stream.push(secret) + stream.flush()).toBe(secret);
    expect(stream.heldBytes).toBe(0);
  });
});
