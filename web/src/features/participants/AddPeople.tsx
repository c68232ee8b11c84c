import { type Conversation, ParleyError, type Participant, type User } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "../../components/Button.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { PeoplePicker } from "../../components/PeoplePicker.tsx";
import { useClient } from "../../lib/client.tsx";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";

interface AddProps {
  conversation: Conversation;
  participants: readonly Participant[];
  onClose: () => void;
}

export function AddPeople({ conversation, participants, onClose }: AddProps) {
  const client = useClient();
  const [people, setPeople] = useState<readonly User[]>([]);
  const add = useMutation({
    mutationFn: () =>
      client.api.addParticipants(
        conversation.id,
        people.map((user) => user.id),
      ),
    onSuccess: onClose,
  });
  return (
    <Dialog title={later.addPeople} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (people.length > 0 && !add.isPending) add.mutate();
        }}
      >
        <div className="space-y-3 px-5 py-1">
          <PeoplePicker chosen={people} onChange={setPeople} without={new Set(participants.map((p) => p.user.id))} />
          {add.error instanceof ParleyError && (
            <p role="alert" className="text-bad text-name">
              {add.error.message}
            </p>
          )}
        </div>
        <footer className="flex justify-end gap-2 p-5">
          <Button onClick={onClose}>{strings.cancel}</Button>
          <Button look="primary" type="submit" disabled={people.length === 0 || add.isPending}>
            {later.add}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
