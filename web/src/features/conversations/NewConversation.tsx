import { ParleyError, type User } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "../../components/Button.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { Field } from "../../components/Field.tsx";
import { PeoplePicker } from "../../components/PeoplePicker.tsx";
import { useClient, useMe } from "../../lib/client.tsx";
import { openConversation } from "../../lib/route.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";

/** One person makes a chat, several make a group; one can be the beginning of a group too. */
export function NewConversation({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const me = useMe();
  const [people, setPeople] = useState<readonly User[]>([]);
  const [asGroup, setAsGroup] = useState(false);
  const [title, setTitle] = useState("");
  const group = people.length > 1 || asGroup;

  const create = useMutation({
    mutationFn: () =>
      client.api.createConversation({
        type: group ? "group" : "direct",
        participantIds: people.map((user) => user.id),
        ...(group && title.trim() !== "" ? { title: title.trim() } : {}),
      }),
    onSuccess: (conversation) => {
      openConversation(conversation.id);
      onClose();
    },
  });
  const failure = create.error instanceof ParleyError ? create.error : null;
  const wrongTitle = failure?.fields?.find((row) => row.field === "title")?.message;

  return (
    <Dialog title={strings.newConversation} onClose={onClose}>
      <form
        className="flex min-h-0 flex-col"
        onSubmit={(event) => {
          event.preventDefault();
          if (people.length > 0 && !create.isPending) create.mutate();
        }}
      >
        <div className="space-y-4 overflow-y-auto px-5 py-1">
          <PeoplePicker chosen={people} onChange={setPeople} without={new Set([me.id])} />
          {people.length === 1 && (
            <label className="flex min-h-10 items-center gap-2.5 text-name">
              <input
                type="checkbox"
                checked={asGroup}
                onChange={(event) => setAsGroup(event.target.checked)}
                className="size-4.5 accent-pine"
              />
              {later.asGroup}
            </label>
          )}
          {group && (
            <Field
              label={later.groupTitle}
              hint={later.groupTitleHint}
              value={title}
              maxLength={100}
              error={wrongTitle}
              onChange={(event) => setTitle(event.target.value)}
            />
          )}
          {failure !== null && wrongTitle === undefined && (
            <p role="alert" className="text-bad text-name">
              {failure.message}
            </p>
          )}
        </div>
        <footer className="flex justify-end gap-2 p-5">
          <Button onClick={onClose}>{strings.cancel}</Button>
          <Button look="primary" type="submit" disabled={people.length === 0 || create.isPending}>
            {group ? later.createGroup : later.startChat}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
