import { X } from "lucide-react";
import { useStore } from "../lib/client.tsx";
import { dismiss, notices } from "../lib/notices.ts";
import { strings } from "../lib/strings.ts";
import { IconButton } from "./Button.tsx";

/** What went wrong out of sight, one sentence each. */
export function Notices() {
  const list = useStore(notices);
  return (
    <div role="status" className="pointer-events-none fixed inset-x-4 bottom-24 z-20 flex flex-col items-center gap-2">
      {list.map((notice) => (
        <div
          key={notice.id}
          className="pointer-events-auto flex max-w-md animate-fade items-center gap-2 rounded-box border border-line bg-raised py-1 ps-4 pe-1 text-name shadow-float"
        >
          <span className="py-1">
            {notice.text}
            {notice.trace && <code className="block font-mono text-ink-3 text-meta">{notice.trace}</code>}
          </span>
          <IconButton label={strings.dismiss} onClick={() => dismiss(notice.id)}>
            <X size={16} />
          </IconButton>
        </div>
      ))}
    </div>
  );
}
