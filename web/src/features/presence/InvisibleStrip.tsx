import { EyeOff } from "lucide-react";
import { later } from "../../lib/strings-later.ts";
import { useVisibility } from "./useVisibility.ts";

/** Says all the time that others do not see one, with the way back. */
export function InvisibleStrip() {
  const { turn } = useVisibility();
  return (
    <div
      role="status"
      data-invisible
      className="mx-3 mb-2 flex min-h-9 items-center gap-2 rounded-box bg-own px-3 text-ink-2 text-small"
    >
      <EyeOff size={15} aria-hidden="true" className="shrink-0 text-pine" />
      <span className="min-w-0 flex-1">{later.youAreInvisible}</span>
      <button
        type="button"
        onClick={turn}
        className="min-h-8 shrink-0 px-1 font-semibold text-pine underline underline-offset-2"
      >
        {later.beVisible}
      </button>
    </div>
  );
}

/** The same where only a conversation has room. */
export function InvisibleMark() {
  return (
    <EyeOff size={16} role="img" aria-label={later.youAreInvisible} className="mx-1 shrink-0 text-pine md:hidden" />
  );
}
