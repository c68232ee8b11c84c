import type { ConversationHandle, MessageView } from "@parley-chat/sdk";
import { Confirm } from "../../components/Dialog.tsx";
import { report } from "../../lib/notices.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";

/** Asks before a message is taken from everybody. */
export function DeleteMessage(props: { handle: ConversationHandle; view: MessageView; onClose: () => void }) {
  return (
    <Confirm
      title={later.deleteTitle}
      text={later.deleteText}
      action={strings.delete}
      onConfirm={() => void props.handle.delete(props.view.message.id).catch(report)}
      onClose={props.onClose}
    />
  );
}
