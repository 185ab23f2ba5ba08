import "reflect-metadata"; // what @peculiar/x509 stands on; must come before it
import { webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type GeneralNameType,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { z } from "zod";
import { type Clock, GloveboxError } from "../../core/index.ts";
import type { Host } from "./host.ts";

/** Where the authorities of tenants are kept. What is put is secret: implementations encrypt it at rest. */
export interface AuthorityStore {
  /** The bytes last put for the tenant. */
  get(tenantId: string): Promise<Uint8Array | undefined>;
  /** Replaces them; on disk when it resolves. They are of no use after `notAfterMs`, on the wall clock. */
  put(tenantId: string, bytes: Uint8Array, notAfterMs: number): Promise<void>;
}

/** A tenant's certificate authority: what its sandboxes trust besides the public ones. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** Makes a certificate for `host` and its key, both PEM; valid for seven days. */
  issue(host: Host): Promise<{ readonly certificate: string; readonly key: string }>;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 730;
/** Longer than a session may live (365 days): an authority outlives the sessions that began to trust it. */
const ROTATE_DAYS = 366;
const LEAF_DAYS = 7;
/** Clocks in sandboxes may be behind. */
const BACKDATE_MS = DAY_MS;

const Saved = z.strictObject({ version: z.literal(1), certificate: z.string(), key: z.string() });

/** Gives each tenant its authority: made on first use, made anew a year before it expires. */
export function createAuthorities(store: AuthorityStore, clock: Clock): (tenantId: string) => Promise<Authority> {
  const pending = new Map<string, Promise<Authority>>();
  const load = async (tenantId: string): Promise<Authority> => {
    const bytes = await store.get(tenantId);
    const saved = bytes === undefined ? undefined : parse(tenantId, bytes);
    if (saved !== undefined && saved.x509.notAfter.getTime() - clock.nowMs() > ROTATE_DAYS * DAY_MS) {
      return createAuthority(saved, clock);
    }
    const made = await generate(clock);
    await store.put(
      tenantId,
      Buffer.from(JSON.stringify({ version: 1, certificate: made.certificate, key: made.key })),
      made.x509.notAfter.getTime(),
    );
    return createAuthority(made, clock);
  };
  return (tenantId) => {
    // Two sessions that open at once must not make two.
    const running = pending.get(tenantId) ?? load(tenantId).finally(() => pending.delete(tenantId));
    pending.set(tenantId, running);
    return running;
  };
}

interface Pair {
  readonly certificate: string;
  readonly key: string;
  readonly x509: X509Certificate;
}

/** What is broken is not replaced: sandboxes trust the old one, and somebody should look. */
function parse(tenantId: string, bytes: Uint8Array): Pair {
  try {
    const { certificate, key } = Saved.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    return { certificate, key, x509: new X509Certificate(certificate) };
  } catch {
    // Without its cause, which might quote the key.
    throw new GloveboxError("unavailable", `the certificate authority of tenant '${tenantId}' cannot be read`);
  }
}

async function generate(clock: Clock): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const x509 = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: ["Glovebox egress"] }, { O: ["Glovebox"] }],
    notBefore: new Date(clock.nowMs() - BACKDATE_MS),
    notAfter: new Date(clock.nowMs() + AUTHORITY_DAYS * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${x509.toString("pem")}\n`, key: await exportKey(keys.privateKey), x509 };
}

async function createAuthority({ certificate, key, x509 }: Pair, clock: Clock): Promise<Authority> {
  const der = Buffer.from(key.replace(/-----[A-Z ]+-----/g, ""), "base64");
  const signingKey = await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
  return {
    certificate,
    async issue(host) {
      const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
      const name: { type: GeneralNameType; value: string } = { type: host.address ? "ip" : "dns", value: host.text };
      const leaf = await X509CertificateGenerator.create({
        serialNumber: serial(),
        // Common names end at 64 characters; the alternative name is what counts.
        subject: [{ CN: [host.text.slice(0, 64)] }],
        issuer: x509.subjectName,
        notBefore: new Date(clock.nowMs() - BACKDATE_MS),
        notAfter: new Date(clock.nowMs() + LEAF_DAYS * DAY_MS),
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
          new SubjectAlternativeNameExtension([name]),
          await SubjectKeyIdentifierExtension.create(keys.publicKey),
          await AuthorityKeyIdentifierExtension.create(x509.publicKey),
        ],
      });
      return { certificate: `${leaf.toString("pem")}\n`, key: await exportKey(keys.privateKey) };
    },
  };
}

/** Positive, 127 random bits (RFC 5280, 4.1.2.2). */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const base64 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}(?=.)/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}
