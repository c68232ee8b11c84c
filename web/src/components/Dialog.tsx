import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { strings } from "../lib/strings.ts";
import { later } from "../lib/strings-later.ts";
import { Button, IconButton } from "./Button.tsx";

/** A native modal dialog: it traps the focus, closes on Esc and on a click outside, and gives the focus back. */
export function Dialog(props: { title: string; onClose: () => void; children: ReactNode; narrow?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes it for the keyboard.
    <dialog
      ref={ref}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClick={(event) => event.target === ref.current && props.onClose()}
      className={`w-[calc(100vw-2rem)] animate-fade rounded-card border border-line bg-paper p-0 text-ink shadow-float ${props.narrow ? "max-w-sm" : "max-w-md"}`}
    >
      <div className="flex max-h-[min(44rem,calc(100dvh-3rem))] flex-col">
        <header className="flex items-start justify-between gap-2 py-2.5 ps-5 pe-2.5">
          <h2 id={heading} className="wrap-anywhere min-w-0 py-2 font-semibold text-head">
            {props.title}
          </h2>
          <IconButton label={later.close} onClick={props.onClose}>
            <X size={18} />
          </IconButton>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  action: string;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, text, action, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose} narrow>
      <p className="px-5 text-ink-2">{text}</p>
      <footer className="flex justify-end gap-2 p-5">
        <Button onClick={onClose}>{strings.cancel}</Button>
        <Button
          look="danger"
          data-autofocus
          onClick={() => {
            onConfirm();
            onClose();
          }}
        >
          {action}
        </Button>
      </footer>
    </Dialog>
  );
}
