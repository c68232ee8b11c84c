import { type Conversation, ParleyError } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "../../components/Button.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { Field } from "../../components/Field.tsx";
import { useClient } from "../../lib/client.tsx";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";

export function Rename({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const client = useClient();
  const [title, setTitle] = useState(conversation.title ?? "");
  const rename = useMutation({
    mutationFn: () => client.api.renameConversation(conversation.id, title.trim()),
    onSuccess: onClose,
  });
  const failure = rename.error instanceof ParleyError ? rename.error : null;
  return (
    <Dialog title={later.rename} onClose={onClose} narrow>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!rename.isPending) rename.mutate();
        }}
      >
        <Field
          className="px-5 py-1"
          label={later.groupTitle}
          data-autofocus
          maxLength={100}
          value={title}
          onChange={(event) => setTitle(event.target.value)}
          error={failure?.fields?.[0]?.message ?? failure?.message}
        />
        <footer className="flex justify-end gap-2 p-5">
          <Button onClick={onClose}>{strings.cancel}</Button>
          <Button look="primary" type="submit" disabled={rename.isPending}>
            {strings.save}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
