/** Longer code is not looked into, whatever the settings allow. UTF-16 units. */
export const MAX_LOOKED_INTO = 200_000;
