import { type MessageView, ParleyError, type ReaderPage } from "@parley-chat/sdk";
import { useEffect, useState } from "react";
import { Avatar } from "../../components/Avatar.tsx";
import { Button } from "../../components/Button.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { useClient } from "../../lib/client.tsx";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";
import { fullTime } from "../../lib/time.ts";

/** Who has read a message, and when, a page at a time. */
export function Readers({ view, onClose }: { view: MessageView; onClose: () => void }) {
  const { pages, more, error } = useReaders(view);
  const last = pages.at(-1);
  return (
    <Dialog title={last === undefined ? later.readers : strings.readBy(last.readCount)} onClose={onClose} narrow>
      <div className="min-h-24 overflow-y-auto px-3 pb-4">
        {error !== null && (
          <p role="alert" className="px-2 text-bad text-name">
            {error}
          </p>
        )}
        {last?.readCount === 0 && <p className="px-2 text-ink-2">{later.noReaders}</p>}
        <ul aria-label={later.readers}>
          {pages.flatMap(({ receipts }) =>
            receipts.map(({ user, readAt }) => (
              <li key={user.id} className="flex min-h-12 items-center gap-3 px-2">
                <Avatar id={user.id} name={user.displayName} />
                <span className="min-w-0 flex-1">
                  <bdi className="block truncate font-medium text-name">{user.displayName}</bdi>
                  <time dateTime={readAt} className="tabular block truncate text-ink-3 text-meta">
                    {fullTime(readAt)}
                  </time>
                </span>
              </li>
            )),
          )}
        </ul>
        {last?.hasMore && (
          <Button look="quiet" className="w-full" onClick={more}>
            {strings.loadMore}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

/** The pages that have come; they begin anew when the number of readers changes. */
function useReaders({ message: { id, conversationId }, readBy }: MessageView) {
  const client = useClient();
  const [pages, setPages] = useState<readonly ReaderPage[]>([]);
  const [cursor, setCursor] = useState<string>();
  const [error, setError] = useState<string | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another number of readers is another list.
  useEffect(() => setCursor(undefined), [readBy]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another number of readers is another list.
  useEffect(() => {
    let wanted = true;
    client.api.readers(conversationId, id, cursor).then(
      (page) => {
        if (!wanted) return;
        setError(null);
        setPages((before) => (cursor === undefined ? [page] : [...before, page]));
      },
      (thrown) => wanted && setError(thrown instanceof ParleyError ? thrown.message : strings.fault),
    );
    return () => {
      wanted = false;
    };
  }, [client, conversationId, id, cursor, readBy]);

  return { pages, error, more: () => setCursor(pages.at(-1)?.nextCursor ?? undefined) };
}
