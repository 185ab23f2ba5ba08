import { constants } from "node:os";
import { type ErrorCode, GloveboxError } from "../../core/index.ts";

const { errno } = constants;

/** Which error a file or process operation in the sandbox ends in, by Linux errno. */
const CODES: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [errno.ENOENT, "not_found"],
  [errno.ESRCH, "not_found"],
  [errno.EEXIST, "already_exists"],
  [errno.EXDEV, "invalid_path"],
  [errno.ELOOP, "invalid_path"],
  [errno.ENAMETOOLONG, "invalid_path"],
  [errno.EACCES, "permission_denied"],
  [errno.EPERM, "permission_denied"],
  [errno.EROFS, "permission_denied"],
  [errno.ENOSPC, "resource_exhausted"],
  [errno.EDQUOT, "resource_exhausted"],
  [errno.EFBIG, "resource_exhausted"],
  [errno.EMFILE, "resource_exhausted"],
  [errno.ENFILE, "resource_exhausted"],
  [errno.ENOMEM, "resource_exhausted"],
  [errno.EAGAIN, "resource_exhausted"],
  [errno.ENOTDIR, "invalid_argument"],
  [errno.EISDIR, "invalid_argument"],
  [errno.ENOTEMPTY, "invalid_argument"],
  [errno.EINVAL, "invalid_argument"],
  [errno.ENOEXEC, "invalid_argument"],
  [errno.E2BIG, "invalid_argument"],
  [errno.EBADMSG, "invalid_argument"],
  [errno.EBUSY, "conflict"],
  [errno.ETXTBSY, "conflict"],
]);
const NAMES = new Map(Object.entries(errno).map(([name, number]) => [number, name]));

/** The error for an errno of the sandbox; unknown numbers become `internal`. `details.errno` holds its name. */
export function errorOfErrno(number: number, message: string): GloveboxError {
  const name = NAMES.get(number) ?? String(number);
  return new GloveboxError(CODES.get(number) ?? "internal", message, { details: { errno: name } });
}
