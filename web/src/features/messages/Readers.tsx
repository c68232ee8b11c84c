import { type MessageView, ParleyError } from "@parley-chat/sdk";
import { useInfiniteQuery } from "@tanstack/react-query";
import { type UIEvent, useEffect } from "react";
import { Avatar } from "../../components/Avatar.tsx";
import { Button } from "../../components/Button.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { useClient } from "../../lib/client.tsx";
import { useRested, useToday } from "../../lib/hooks.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";
import { clock, dayLabel, fullTime } from "../../lib/time.ts";

/** How near to its end, in pixels, the list asks for the next page. */
const near = 400;
/** A row's height, in pixels, and for how many the list has its place before they have come. */
const rowHeight = 52;
const mostRows = 9;

/** Who has read a message, and when: the first who did first, a page at a time. */
export function Readers({ view, group, onClose }: { view: MessageView; group: boolean; onClose: () => void }) {
  const { count, readers, loading, error, again, hasMore, more } = useReaders(view);
  const today = useToday();
  const expected = Math.min(count ?? view.readBy ?? 1, mostRows);

  function scrolled({ currentTarget: list }: UIEvent<HTMLElement>) {
    if (list.scrollHeight - list.scrollTop - list.clientHeight < near) more();
  }

  // Of one other person there is no number to tell.
  const known = group ? strings.readBy(count ?? 0) : strings.statusRead;
  return (
    <Dialog title={count === null || (!group && count === 0) ? later.readers : known} onClose={onClose} narrow>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys scroll it, and nothing inside takes the focus. */}
      <section aria-label={later.readers} tabIndex={0} className="overflow-y-auto px-3 pb-4" onScroll={scrolled}>
        {error !== null && (
          <div className="flex items-center justify-between gap-3 px-2 pb-2">
            <p role="alert" className="text-bad text-name">
              {error instanceof ParleyError ? error.message : strings.fault}
            </p>
            <Button onClick={again}>{strings.retry}</Button>
          </div>
        )}
        {count === 0 && <p className="px-2 text-ink-2">{later.noReaders}</p>}
        {loading && (
          <p role="status" className="animate-pulse-slow px-2 text-ink-2 text-name">
            {later.loadingReaders}
          </p>
        )}
        <ul style={{ minHeight: error === null ? expected * rowHeight : undefined }}>
          {readers.map(({ user, readAt }) => (
            <li key={user.id} className="flex h-13 items-center gap-3 px-2">
              <Avatar id={user.id} name={user.displayName} />
              <span className="min-w-0 flex-1">
                <bdi className="block truncate font-medium text-name">{user.displayName}</bdi>
                <time
                  dateTime={readAt}
                  title={fullTime(readAt)}
                  className="tabular block truncate text-ink-3 text-meta"
                >
                  {dayLabel(readAt, today)}, {clock(readAt)}
                </time>
              </span>
            </li>
          ))}
        </ul>
        {hasMore && (
          <Button look="quiet" className="w-full" onClick={more}>
            {strings.loadMore}
          </Button>
        )}
      </section>
    </Dialog>
  );
}

/** The readers as far as they were asked for. All of them are asked for again when their number has changed. */
function useReaders({ message: { id, conversationId }, readBy }: MessageView) {
  const client = useClient();
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetching, isPending } = useInfiniteQuery({
    queryKey: ["readers", conversationId, id],
    queryFn: ({ pageParam }) => client.api.readers(conversationId, id, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => (page.hasMore ? (page.nextCursor ?? undefined) : undefined),
    staleTime: 0,
    // Who waits before an empty list is told at once that it does not come, and says when to try again.
    retry: false,
    networkMode: "always",
  });
  const count = data?.pages.at(-1)?.readCount ?? null;
  const told = useRested(readBy, 500);
  useEffect(() => {
    if (told !== null && count !== null && told !== count) void refetch();
  }, [told, count, refetch]);
  return {
    count,
    error,
    loading: isPending,
    again: () => void refetch(),
    readers: data?.pages.flatMap((page) => page.receipts) ?? [],
    hasMore: hasNextPage,
    more: () => void (hasNextPage && !isFetching && fetchNextPage()),
  };
}
