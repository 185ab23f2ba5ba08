import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { GloveboxError } from "../../core/index.ts";
import { unpackLz4 } from "./lz4.ts";

/** Offsets in the header of a bzImage: Documentation/arch/x86/boot.rst of the kernel. */
const SETUP_SECTORS = 0x1f1;
const HEADER_MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const SECTOR_BYTES = 512;
const ELF_MAGIC = 0x464c457f;

const UNPACKERS: Readonly<Record<number, (packed: Buffer) => Buffer>> = {
  407642370: unpackLz4,
  // The kernel's length follows the compressed data: four bytes that belong to no frame.
  4247762216: (packed) => zstdDecompressSync(packed.subarray(0, packed.length - 4)),
};

/**
 * The kernel proper out of a bzImage: QEMU starts that without the decompression that would cost the guest most of its boot.
 * Errors: `isolation_unavailable` for an image or a compression that is not known.
 */
export function extractVmlinux(image: Buffer): Buffer {
  if (image.length < PAYLOAD_LENGTH + 4 || image.toString("latin1", HEADER_MAGIC, HEADER_MAGIC + 4) !== "HdrS") {
    throw new GloveboxError("isolation_unavailable", "The kernel is no bzImage");
  }
  const start = ((image[SETUP_SECTORS] ?? 0) + 1) * SECTOR_BYTES + image.readUInt32LE(PAYLOAD_OFFSET);
  const payload = image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH));
  const magic = payload.length < 4 ? 0 : payload.readUInt32LE(0);
  const isGzip = (magic & 0xffff) === 0x8b1f;
  const unpack = isGzip ? gunzipSync : UNPACKERS[magic];
  if (!unpack) throw new GloveboxError("isolation_unavailable", "The kernel is compressed in a way that is not known");
  const kernel = unpack(payload);
  if (kernel.length < 4 || kernel.readUInt32LE(0) !== ELF_MAGIC) {
    throw new GloveboxError("isolation_unavailable", "The kernel in the bzImage is none");
  }
  return kernel;
}
