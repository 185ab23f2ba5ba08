/** What JSON can carry. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
