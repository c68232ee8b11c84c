import type { Conversation } from "@parley-chat/sdk";
import { Search, Settings, SquarePen, X } from "lucide-react";
import { type KeyboardEvent, memo, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { Button, IconButton } from "../../components/Button.tsx";
import { Empty } from "../../components/Empty.tsx";
import { useClient, useMe, useStore } from "../../lib/client.tsx";
import { matches, nameOf, ordered, peerOf } from "../../lib/conversation.ts";
import { useLasting, useToday } from "../../lib/hooks.ts";
import { onDemand } from "../../lib/on-demand.ts";
import { route } from "../../lib/route.ts";
import { strings } from "../../lib/strings.ts";
import { ConversationRow } from "./ConversationRow.tsx";

const OwnMenu = onDemand(() => import("../presence/OwnMenu.tsx").then((m) => m.OwnMenu));
const InvisibleStrip = onDemand(() => import("../presence/InvisibleStrip.tsx").then((m) => m.InvisibleStrip));
const Unread = onDemand(() => import("../../components/Unread.tsx").then((m) => m.Unread));
const FoundPeople = onDemand(() => import("./FoundPeople.tsx").then((m) => m.FoundPeople));

/** What the list leads to, shown over everything else. */
export type DialogName = "new" | "settings" | "friends" | "blocked";

interface ListProps {
  onOpen: (dialog: DialogName) => void;
}

/** All conversations, and the search that finds them and people to begin one with. */
export const ConversationList = memo(function ConversationList({ onOpen }: ListProps) {
  const client = useClient();
  const me = useMe();
  const { items, loaded, hasMore, error } = useStore(client.conversations);
  const { conversation: current } = useStore(route);
  const today = useToday();
  const [typed, setTyped] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLElement>(null);
  const waiting = useLasting(!loaded, 150);

  useEffect(() => {
    const focusSearch = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey)
        return;
      if (document.querySelector("dialog[open]") !== null) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener("keydown", focusSearch);
    return () => removeEventListener("keydown", focusSearch);
  }, []);

  const query = typed.trim();
  const sorted = useMemo(() => ordered(items), [items]);
  const shown = query === "" ? sorted : sorted.filter((c) => found(c, query, me.id));

  function clear() {
    setTyped("");
  }

  function keyDown(event: KeyboardEvent<HTMLElement>) {
    if (event.key === "Escape" && typed !== "") {
      clear();
      input.current?.focus();
      return;
    }
    if (event.key === "Enter" && event.target === input.current) {
      list.current?.querySelector<HTMLElement>("[data-row]")?.click();
      return;
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const stops = [input.current, ...(list.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [])];
    const at = stops.indexOf(document.activeElement as HTMLElement);
    const next = stops[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (at < 0 || !next) return;
    event.preventDefault();
    next.focus();
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links inside.
    <div className="flex h-full flex-col" onKeyDown={keyDown}>
      <header className="flex items-center gap-1 py-2 ps-2 pe-2">
        <Suspense fallback={<span className="size-10" />}>
          <OwnMenu onOpen={onOpen} />
        </Suspense>
        <h1 className="min-w-0 flex-1 truncate font-semibold text-title">{strings.app}</h1>
        <IconButton label={strings.newConversation} onClick={() => onOpen("new")}>
          <SquarePen size={18} />
        </IconButton>
        <IconButton label={strings.settings} onClick={() => onOpen("settings")}>
          <Settings size={18} />
        </IconButton>
      </header>
      {me.presenceInvisible && (
        <Suspense>
          <InvisibleStrip />
        </Suspense>
      )}
      <search className="relative mx-3 mb-2 block">
        <Search
          size={16}
          aria-hidden="true"
          className="pointer-events-none absolute inset-y-0 start-3 my-auto text-ink-3"
        />
        <input
          ref={input}
          type="search"
          aria-label={strings.searchLong}
          placeholder={strings.search}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          dir="auto"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          className="block min-h-10 w-full rounded-box border border-line bg-paper [&::-webkit-search-cancel-button]:hidden ps-9 pe-10 text-name outline-offset-[-1px]"
        />
        {typed !== "" && (
          <IconButton
            label={strings.clearSearch}
            className="absolute inset-y-0 end-0"
            onClick={() => {
              clear();
              input.current?.focus();
            }}
          >
            <X size={16} />
          </IconButton>
        )}
      </search>
      <nav ref={list} aria-label={strings.conversations} className="min-h-0 flex-1 overflow-y-auto px-2 pb-3">
        {waiting && !error && <Skeleton />}
        {error && (
          <Suspense>
            <Unread error={error} onRetry={() => void client.loadMoreConversations()} />
          </Suspense>
        )}
        {loaded && query === "" && items.length === 0 && (
          <Empty title={strings.noConversations} text={strings.noConversationsText}>
            <Button look="primary" onClick={() => onOpen("new")}>
              {strings.newConversation}
            </Button>
          </Empty>
        )}
        <ul>
          {shown.map((conversation) => (
            <li key={conversation.id}>
              <ConversationRow
                conversation={conversation}
                me={me.id}
                today={today}
                current={conversation.id === current}
              />
            </li>
          ))}
        </ul>
        {hasMore && query === "" && (
          <Button look="quiet" className="w-full" onClick={() => void client.loadMoreConversations()}>
            {strings.loadMore}
          </Button>
        )}
        <Suspense>
          {query !== "" && <FoundPeople query={query} me={me.id} nothingElse={shown.length === 0} onChosen={clear} />}
        </Suspense>
      </nav>
    </div>
  );
});

function found(conversation: Conversation, query: string, me: string): boolean {
  const peer = peerOf(conversation, me);
  return matches(nameOf(conversation, me), query) || (peer !== null && matches(peer.username, query));
}

/** Rows of the height that the real ones will have. */
function Skeleton() {
  return (
    <div aria-hidden="true">
      {[60, 45, 70, 52, 64].map((width) => (
        <div key={width} className="flex h-16 animate-pulse-slow items-center gap-3 px-2.5">
          <span className="size-9 rounded-[11px] bg-hover" />
          <span className="flex-1 space-y-2">
            <span className="block h-3 rounded-tag bg-hover" style={{ width: `${width}%` }} />
            <span className="block h-2.5 rounded-tag bg-hover" style={{ width: `${width + 20}%` }} />
          </span>
        </div>
      ))}
    </div>
  );
}
