export type PageStorage = Pick<Storage, "getItem" | "setItem">;

/** The storage that the pages of this browser share, where there is one and it may be used. */
export function pageStorage(): PageStorage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}
