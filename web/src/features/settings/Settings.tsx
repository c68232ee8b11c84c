import { ParleyError } from "@parley-chat/sdk";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, LogOut } from "lucide-react";
import { useState } from "react";
import { Avatar } from "../../components/Avatar.tsx";
import { Button } from "../../components/Button.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { Field } from "../../components/Field.tsx";
import { useClient, useMe, useStore } from "../../lib/client.tsx";
import { clearDrafts } from "../../lib/drafts.ts";
import { forgetEverybody } from "../../lib/people.ts";
import { leaveConversation } from "../../lib/route.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";
import { setTheme, type Theme, theme } from "../../lib/theme.ts";
import { Privacy } from "./Privacy.tsx";

const themes: [Theme, string][] = [
  ["system", later.themeSystem],
  ["light", later.themeLight],
  ["dark", later.themeDark],
];

/** One's own name, what others may know, the looks, the keys, and the way out. */
export function Settings({ onClose, onBlocked }: { onClose: () => void; onBlocked: () => void }) {
  const client = useClient();
  const queries = useQueryClient();
  const me = useMe();
  // What was typed; null shows the name as it is.
  const [typed, setTyped] = useState<string | null>(null);
  const displayName = typed ?? me.displayName;
  const chosen = useStore(theme);
  // Another page may have changed the account, and nobody tells.
  useQuery({
    ...{ queryKey: ["me"], queryFn: () => client.api.me() },
    ...{ staleTime: 0, refetchOnWindowFocus: true },
  });
  const save = useMutation({
    mutationFn: () => client.api.updateMe({ displayName: displayName.trim() }),
    onSuccess: () => setTyped(null),
  });
  const failure = save.error instanceof ParleyError ? save.error : null;
  const saved = save.isSuccess && displayName === me.displayName;

  function signOut() {
    clearDrafts();
    forgetEverybody();
    leaveConversation();
    queries.clear();
    void client.logout();
  }

  return (
    <Dialog title={strings.settings} onClose={onClose}>
      <div className="min-h-0 space-y-6 overflow-y-auto px-5 pt-1 pb-5">
        <section className="flex items-center gap-4">
          <Avatar id={me.id} name={me.displayName} size="l" />
          <div className="min-w-0">
            <bdi className="block truncate font-semibold text-head">{me.displayName}</bdi>
            <span className="block truncate text-ink-3 text-name">@{me.username}</span>
          </div>
        </section>
        <form
          className="flex items-start gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            if (!save.isPending) save.mutate();
          }}
        >
          <Field
            className="min-w-0 flex-1"
            label={later.displayName}
            autoComplete="name"
            value={displayName}
            onChange={(event) => setTyped(event.target.value)}
            error={failure?.fields?.[0]?.message ?? failure?.message}
          />
          <Button
            type="submit"
            className="mt-[22px] min-h-11"
            disabled={save.isPending || displayName.trim() === me.displayName || displayName.trim() === ""}
          >
            {saved && <Check size={16} className="text-pine" />}
            {saved ? later.saved : strings.save}
          </Button>
        </form>
        <fieldset>
          <legend className="mb-1 font-medium text-ink-2 text-small">{later.appearance}</legend>
          <div className="flex gap-1 rounded-box bg-sunk p-1">
            {themes.map(([value, label]) => (
              <label
                key={value}
                className={`flex min-h-9 flex-1 cursor-pointer items-center justify-center rounded-[9px] text-name has-focus-visible:outline-2 has-focus-visible:outline-pine ${chosen === value ? "bg-raised font-medium shadow-[0_1px_2px_var(--shade)]" : "text-ink-2"}`}
              >
                <input
                  type="radio"
                  name="theme"
                  className="sr-only"
                  checked={chosen === value}
                  onChange={() => setTheme(value)}
                />
                {label}
              </label>
            ))}
          </div>
        </fieldset>
        <Privacy onBlocked={onBlocked} />
        <section>
          <h3 className="mb-1 font-medium text-ink-2 text-small">{later.keyboard}</h3>
          <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-name">
            {later.keys.map(([key, what]) => (
              <div key={key} className="contents">
                <dt>
                  <kbd className="rounded-tag border border-line bg-raised px-1.5 font-sans text-meta">{key}</kbd>
                </dt>
                <dd className="text-ink-2">{what}</dd>
              </div>
            ))}
          </dl>
        </section>
        <Button className="w-full" onClick={signOut}>
          <LogOut size={16} />
          {later.signOut}
        </Button>
      </div>
    </Dialog>
  );
}
