/** Port of the guest's on which its agent listens. */
export const AGENT_PORT = 1024;

/**
 * The kernel's command line, Firecracker's own defaults among it: the guest's only way to end its machine is the keyboard controller's reset. Untrusted code runs
 * on a shared processor, so the mitigations stay. After `--` come the words of `native/init`.
 */
export function bootArguments(words: readonly string[]): string {
  const console = "console=ttyS0 quiet panic=-1 reboot=k 8250.nr_uarts=1";
  const devices = "i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce pci=off";
  const rest = "random.trust_cpu=on audit=0 cryptomgr.notests";
  return `${console} ${devices} ${rest} -- ${words.join(" ")}`;
}

/** Firecracker makes one processor, or an even number of them, and 32 at most. */
export function guestProcessors(wanted: number): number {
  return wanted <= 1 ? 1 : Math.min(32, wanted + (wanted % 2));
}

/** What `native/init` is told so that its agent listens for us, and that disks are known by their order. */
export function guestWords(words: readonly string[]): string[] {
  return [...words, `vsock=${AGENT_PORT}`];
}
