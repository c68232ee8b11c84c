import { personName } from "../../lib/people.ts";
import { strings } from "../../lib/strings.ts";

/** Who is typing, in a line that always has its place. */
export function TypingLine({ ids }: { ids: readonly string[] }) {
  return (
    <div className="mx-auto h-6 w-full max-w-column shrink-0 px-3 md:px-5">
      {ids.length > 0 && (
        <p data-typing className="flex h-full animate-fade items-center gap-2 ps-13 text-ink-3 text-meta">
          <span aria-hidden="true" className="flex gap-0.5">
            <span className="size-1 animate-pulse-slow rounded-full bg-ink-3" />
            <span className="size-1 animate-pulse-slow rounded-full bg-ink-3 [animation-delay:200ms]" />
            <span className="size-1 animate-pulse-slow rounded-full bg-ink-3 [animation-delay:400ms]" />
          </span>
          <bdi className="truncate">{strings.typing(ids.map((id) => personName(id).split(" ")[0] as string))}</bdi>
        </p>
      )}
    </div>
  );
}
