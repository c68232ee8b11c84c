import type { ConversationHandle, MessageView } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { ArrowUp, X } from "lucide-react";
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { IconButton } from "../../components/Button.tsx";
import { draftOf, setDraft } from "../../lib/drafts.ts";
import { coarsePointer } from "../../lib/hooks.ts";
import { report } from "../../lib/notices.ts";
import { strings } from "../../lib/strings.ts";

/** The longest message, in code points (C2.5). */
const longest = 4000;

interface ComposerProps {
  handle: ConversationHandle;
  name: string;
  editing: MessageView | null;
  onEditLast: () => void;
  onEditEnd: () => void;
  onSent: () => void;
}

/** Where one writes. What is being written lives here and in the drafts, so that the history need not know. */
export function Composer({ handle, name, editing, onEditLast, onEditEnd, onSent }: ComposerProps) {
  const [text, setText] = useState(() => editing?.message.content ?? draftOf(handle.id));
  const field = useRef<HTMLTextAreaElement>(null);
  const over = text.length > longest ? [...text].length - longest : 0;
  const ready = text.trim() !== "" && over <= 0;

  // The row appears at once and is never taken back: the SDK keeps it in its outbox, where it waits, is sent
  // again, or fails with a reason. So success and failure are told by the row, not by this mutation.
  const send = useMutation({
    mutationKey: ["send", handle.id],
    networkMode: "always",
    onMutate: (content: string) => {
      write("");
      return { content };
    },
    mutationFn: async (content) => handle.send(content),
    onSuccess: onSent,
    onError: (error, _, optimistic) => {
      write(optimistic?.content ?? "");
      report(error);
    },
  });

  useEffect(() => {
    if (coarsePointer() && editing === null) return;
    field.current?.focus();
    field.current?.setSelectionRange(field.current.value.length, field.current.value.length);
  }, [editing]);

  useLayoutEffect(() => {
    const box = field.current;
    if (box === null || CSS.supports("field-sizing", "content")) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  });

  function write(value: string) {
    setText(value);
    if (editing === null) setDraft(handle.id, value);
  }

  function submit() {
    if (!ready) return;
    if (editing === null) {
      send.mutate(text);
      return;
    }
    if (text !== editing.message.content) handle.edit(editing.message.id, text).catch(report);
    onEditEnd();
  }

  function keyDown(event: KeyboardEvent) {
    // Enter that ends an input method's composition chooses a word, it does not send.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && !coarsePointer()) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && editing !== null) {
      event.stopPropagation();
      onEditEnd();
    } else if (event.key === "ArrowUp" && text === "" && editing === null) {
      event.preventDefault();
      onEditLast();
    }
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      className="mx-auto w-full max-w-column px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] md:px-5 md:pb-4"
    >
      <div className="rounded-card border border-line bg-raised shadow-[0_1px_3px_var(--shade)] focus-within:border-pine">
        {editing !== null && (
          <div className="flex items-center gap-2 border-line border-b ps-4 pe-1 text-small">
            <span className="font-medium text-pine">{strings.editing}</span>
            <span className="flex-1 text-ink-3">{strings.editingHint}</span>
            <IconButton label={strings.cancel} className="size-8" onClick={onEditEnd}>
              <X size={15} />
            </IconButton>
          </div>
        )}
        <div className="flex items-end gap-1 p-1.5">
          <textarea
            ref={field}
            rows={1}
            dir="auto"
            aria-label={strings.writeTo(name)}
            placeholder={strings.writeTo(name)}
            value={text}
            onChange={(event) => {
              write(event.target.value);
              if (event.target.value.trim() !== "" && editing === null) handle.typing();
            }}
            onKeyDown={keyDown}
            className="field-sizing-content block max-h-48 min-h-9 w-full min-w-0 flex-1 resize-none bg-transparent px-2.5 py-1.5 text-body outline-none"
          />
          <IconButton
            type="submit"
            label={editing === null ? strings.send : strings.save}
            disabled={!ready}
            className={`size-9 ${ready ? "bg-pine text-on-pine hover:bg-pine-strong hover:text-on-pine" : "bg-hover text-ink-3"}`}
          >
            <ArrowUp size={18} />
          </IconButton>
        </div>
        {over > 0 && (
          <p role="alert" className="px-4 pb-2 text-bad text-small">
            {strings.tooLong(over)}
          </p>
        )}
      </div>
    </form>
  );
}
