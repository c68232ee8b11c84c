// A window that came by #as=<name> keeps a login of its own beside those of the browser's other windows: in the slot
// of that name, from then on, through every reload.
import { route } from "./route.ts";

const key = "parley-slot";

/** The slot of a name; null for none. Names may hold more letters than slots. */
export function slotOf(name: string | null): string | null {
  return name === null
    ? null
    : name
        .toLowerCase()
        .replace(/[^a-z0-9_-]/g, "_")
        .slice(0, 32);
}

function current(): string | null {
  const asked = slotOf(route.getSnapshot().as);
  try {
    if (asked !== null) sessionStorage.setItem(key, asked);
    return sessionStorage.getItem(key);
  } catch {
    // Without storage the slot lasts as long as the address says it.
    return asked;
  }
}

/** This window's slot; null: the login that the browser's windows share. */
export const slot = current();

// A page is one person's from its beginning to its end.
addEventListener("hashchange", () => {
  const asked = slotOf(route.getSnapshot().as);
  if (asked !== null && asked !== slot) location.reload();
});
