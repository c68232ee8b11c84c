import { memo } from "react";
import { linkify } from "../lib/linkify.ts";

/** What a person wrote, always as text; web addresses in it can be followed. */
export const Letter = memo(function Letter({ text }: { text: string }) {
  return (
    <span dir="auto" className="letter">
      {linkify(text).map((span, at) =>
        span.href === null ? (
          span.text
        ) : (
          <a
            key={at}
            href={span.href}
            target="_blank"
            rel="noopener noreferrer nofollow"
            className="text-pine underline decoration-1 underline-offset-2 hover:text-pine-strong"
          >
            {span.text}
          </a>
        ),
      )}
    </span>
  );
});
