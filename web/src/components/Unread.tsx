import type { ParleyError } from "@parley-chat/sdk";
import { strings } from "../lib/strings.ts";
import { Button } from "./Button.tsx";

/** Why something could not be read, with the trace id that whoever runs the server can look up, and another try. */
export function Unread({ error, onRetry }: { error: ParleyError; onRetry: () => void }) {
  return (
    <div role="alert" className="flex items-center justify-between gap-3 px-4 py-2 text-bad text-name">
      <p>
        {error.message}
        {error.traceId && <code className="block font-mono text-ink-3 text-meta">{error.traceId}</code>}
      </p>
      <Button onClick={onRetry}>{strings.tryNow}</Button>
    </div>
  );
}
