/** Builds tar archives by hand, also such as no honest program would write. For tests only. */
export interface TarMember {
  readonly name: string;
  readonly type?: string;
  readonly link?: string;
  readonly content?: string;
  readonly mode?: number;
  /** The raw size field, instead of the content's. */
  readonly size?: Buffer;
}

export function tarOf(members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.flatMap(memberBlocks), Buffer.alloc(1024)]);
}

function memberBlocks(member: TarMember): Buffer[] {
  const content = Buffer.from(member.content ?? "");
  const header = Buffer.alloc(512);
  header.write(member.name, 0, 100);
  header.write((member.mode ?? 0o644).toString(8).padStart(7, "0"), 100);
  header.write(content.length.toString(8).padStart(11, "0"), 124);
  member.size?.copy(header, 124);
  header.write("00000000000", 136);
  header.write(member.type ?? "0", 156);
  header.write(member.link ?? "", 157, 100);
  header.write("ustar\u000000", 257);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}
