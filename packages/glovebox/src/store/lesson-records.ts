import type { Lesson } from "../core/index.ts";

/** Lessons of CI, by repository. */
export interface LessonStore {
  get(tenantId: string, id: string): Promise<Lesson | undefined>;
  /** Makes or replaces it. Above `max` of its repository, those seen longest ago go. */
  put(lesson: Lesson, options: { readonly max: number }): Promise<void>;
  /** Of a repository, seen last first. */
  list(tenantId: string, repository: string): Promise<readonly Lesson[]>;
  delete(tenantId: string, id: string): Promise<boolean>;
}
