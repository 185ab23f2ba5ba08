import { execFile } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Connections, LittleProxy } from "./network-host.ts";
import { makeSandbox, python, type SuiteContext, shell } from "./subject.ts";

const run = promisify(execFile);

/** Tries to reach a TCP address and says how that ended. */
const REACH = `import socket
def reach(host, port):
    try:
        s = socket.create_connection((host, port), 5)
        s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
        print(host, port, 'reached' if s.recv(1) else 'closed')
    except OSError as e: print(host, port, type(e).__name__)
`;

/** What a network gives besides connections, and that it gives nothing more. */
export function networkBoundsTests(context: () => SuiteContext): void {
  test("nothing is reachable where none was given, not even a refusal from outside", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    await using sandbox = await makeSandbox(context());
    const script = `${REACH}
for port in (3128, 80, 443): reach('127.0.0.1', port)
for host in ('192.0.2.1', '198.18.1.0', '169.254.169.254', '2001:db8::1', 'example.com'): reach(host, 80)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.connect(('127.0.0.1', 53)); u.send(b'x' * 20)
try: u.recv(1)
except OSError as e: print('dns', type(e).__name__)
import os
print([p for p in ('/etc/resolv.conf', '/etc/ssl', '/glovebox/authority.pem', '/glovebox/ca-bundle.pem') if os.path.lexists(p)])`;
    expect((await python(sandbox, script)).stdout.trim().split("\n")).toEqual([
      ...[3128, 80, 443].map((port) => `127.0.0.1 ${port} ConnectionRefusedError`),
      ...["192.0.2.1", "198.18.1.0", "169.254.169.254", "2001:db8::1"].map((host) => `${host} 80 OSError`),
      "example.com 80 gaierror",
      "dns ConnectionRefusedError",
      "[]",
    ]);
    expect((await shell(sandbox, "grep ^hosts: /etc/nsswitch.conf")).stdout).toBe("hosts: files\n");
  });

  test("only the proxy, the redirected ports and names answer", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    await using proxy = new LittleProxy();
    await using sandbox = await makeSandbox(context(), { network: proxy });
    const script = `${REACH}
for port in (22, 25, 53, 8080, 65535): reach('192.0.2.1', port)
for port in (80, 443): reach('127.0.0.1', port)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in (53, 443):
    u.connect(('192.0.2.1', port)); u.send(b'x' * 20)
    try: u.recv(1); print('udp', port, 'reached')
    except OSError as e: print('udp', port, type(e).__name__)
reach('192.0.2.1', 80)
reach('localhost', 3128)`;
    expect((await python(sandbox, script)).stdout.trim().split("\n")).toEqual([
      ...[22, 25, 53, 8080, 65535].map((port) => `192.0.2.1 ${port} ConnectionRefusedError`),
      ...[80, 443].map((port) => `127.0.0.1 ${port} ConnectionResetError`),
      "udp 53 ConnectionRefusedError",
      "udp 443 ConnectionRefusedError",
      "192.0.2.1 80 reached",
      "localhost 3128 reached",
    ]);
    const other = await shell(sandbox, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; cat /etc/hosts");
    expect(other.stdout).toMatch(/^lo\n127\.0\.0\.1 localhost/);
  });

  test("a program has no right over it, nor any other right", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    await using sandbox = await makeSandbox(context(), { network: new Connections() });
    const script = `
import fcntl, glob, os, socket, struct
def take_port():
    # The forwarder's own: whoever sat there would be asked in its place.
    s = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT): s.setsockopt(socket.SOL_SOCKET, option, 1)
    s.bind(('127.0.0.1', 80))
    s.listen()
for status in glob.glob('/proc/[0-9]*/status'):
    # Where the sandbox has a kernel of its own, the agent is its root.
    if status == '/proc/1/status' and 'Uid:\\t0' in open(status).read(): continue
    caps = [line.split()[1].strip('0') for line in open(status) if line.startswith('Cap')]
    if any(caps): print('CAPABLE', status, caps)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for what, request, data in (('down', 0x8914, struct.pack('16sH14x', b'lo', 0)), ('address', 0x8916, struct.pack('16sHH4s8x', b'lo', 2, 0, bytes([192, 0, 2, 9])))):
    try: fcntl.ioctl(s, request, data); print('DONE', what)
    except OSError: print('refused', what)
n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
# RTM_DELROUTE of the local default route.
n.send(struct.pack('=IHHII', 28, 25, 5, 1, 0) + bytes([2, 0, 0, 0, 255, 0, 254, 2, 0, 0, 0, 0]))
print('route refused' if struct.unpack('=i', n.recv(1000)[16:20])[0] < 0 else 'DONE route')
for what, make in (('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)), ('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)),
                   ('port', take_port), ('namespace', lambda: os.unshare(0x40000000) if hasattr(os, 'unshare') else (_ for _ in ()).throw(PermissionError()))):
    try: make(); print('DONE', what)
    except OSError as e: print('refused', what)
try: open('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'w'); print('DONE sysctl')
except OSError: print('refused sysctl')`;
    const { stdout, stderr } = await python(sandbox, script);
    expect({ stderr, lines: stdout.trim().split("\n") }).toEqual({
      stderr: "",
      lines: [
        ...["down", "address"].map((what) => `refused ${what}`),
        "route refused",
        ...["raw", "packet", "port", "namespace", "sysctl"].map((what) => `refused ${what}`),
      ],
    });
  });

  test("programs trust the authority that comes with it, besides the system's", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    const { subject } = context();
    const dir = await mkdtemp(join(subject.baseDir, "tls-"));
    const subjectName = ["-subj", "/CN=glovebox test", "-addext", "subjectAltName=DNS:trusted.example"];
    const files = ["-keyout", join(dir, "key"), "-out", join(dir, "cert"), "-days", "2", "-nodes"];
    const made = await run("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...files, ...subjectName]).catch(
      () => null,
    );
    skip(made === null, "no openssl to make a certificate with");
    const [key, cert] = await Promise.all(["key", "cert"].map((name) => readFile(join(dir, name), "utf8")));
    if (!key || !cert) throw new Error("no certificate");
    const network = new Connections((stream) => {
      const secure = new TLSSocket(stream, { isServer: true, key, cert });
      secure.on("error", () => {});
      secure.once("data", () => secure.end("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nsecret\n"));
    });
    const curl = "curl --silent --max-time 20 https://trusted.example/ || echo refused";
    await using doubting = await makeSandbox(context(), { network });
    expect((await shell(doubting, curl)).stdout).toBe("refused\n");
    expect(
      (await shell(doubting, "cd /glovebox; ls *.pem; cmp ca-bundle.pem /etc/ssl/certs/ca-certificates.crt")).stdout,
    ).toBe("ca-bundle.pem\n");
    const trusting = Object.assign(network, { authority: cert });
    await using sandbox = await makeSandbox(context(), { network: trusting });
    expect((await shell(sandbox, curl)).stdout).toBe("secret\n");
    expect((await shell(sandbox, `SSL_CERT_FILE=/glovebox/ca-bundle.pem ${curl}`)).stdout).toBe("secret\n");
    expect((await shell(sandbox, `${curl} --cacert /glovebox/authority.pem`)).stdout).toBe("secret\n");
    expect((await shell(sandbox, "cat /glovebox/authority.pem")).stdout.trim()).toBe(cert.trim());
    const writes =
      "for f in /glovebox/*.pem /etc/ssl/certs/ca-certificates.crt; do echo x 2>/dev/null >$f && echo wrote; done; true";
    expect((await shell(sandbox, `(${writes}) 2>/dev/null`)).stdout).toBe("");
    await expect(
      makeSandbox(context(), { network: { accept() {}, authority: "no certificate" } }),
    ).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });
}
