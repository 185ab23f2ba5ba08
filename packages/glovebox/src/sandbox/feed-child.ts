/**
 * For errors of writing to a child's stdin: throws them on, but for one. Node destroys the stdin of a child that has ended, at times before it has seen it
 * finish, which looks as if the child had not read all. Whether it has, its exit code says, and that the caller looks at.
 */
export function unlessChildEnded(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
}
