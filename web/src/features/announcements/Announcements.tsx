import { Megaphone, X } from "lucide-react";
import { useState } from "react";
import { IconButton } from "../../components/Button.tsx";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";

/** What whoever runs the server says to everybody, until it is dismissed. */
export function Announcements({ texts }: { texts: readonly string[] }) {
  const [dismissed, setDismissed] = useState<readonly number[]>([]);
  return texts.map((text, n) =>
    dismissed.includes(n) ? null : (
      <div
        key={n}
        data-announcement={n}
        className="flex items-start gap-2 border-line border-b bg-own ps-4 pe-1 text-ink text-small"
      >
        <Megaphone size={15} aria-hidden="true" className="mt-3 shrink-0" />
        <p className="min-w-0 flex-1 whitespace-pre-wrap break-words py-2.5">
          <span className="sr-only">{later.announcement} </span>
          {text}
        </p>
        <IconButton label={strings.dismiss} onClick={() => setDismissed([...dismissed, n])}>
          <X size={16} />
        </IconButton>
      </div>
    ),
  );
}
