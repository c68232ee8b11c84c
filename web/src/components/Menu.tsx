import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";
import { IconButton } from "./Button.tsx";

export interface MenuItem {
  label: string;
  danger?: boolean;
  /** There is nothing to do now. It can be found by the keys all the same. */
  disabled?: boolean;
  onChoose: () => void;
}

/** A button that opens a short list of things to do. The popover itself closes on Esc and on a click outside. */
export function Menu({ label, icon, items }: { label: string; icon: ReactNode; items: readonly MenuItem[] }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);

  function place() {
    const from = button.current?.getBoundingClientRect();
    const box = menu.current;
    if (from === undefined || box === null) return;
    const below = from.bottom + box.offsetHeight + 8 < innerHeight;
    box.style.top = `${below ? from.bottom + 4 : from.top - box.offsetHeight - 4}px`;
    box.style.left = `${Math.max(8, Math.min(from.right - box.offsetWidth, innerWidth - box.offsetWidth - 8))}px`;
    box.querySelector("button")?.focus();
  }

  function keyDown(event: KeyboardEvent) {
    const stops = [...(menu.current?.querySelectorAll("button") ?? [])];
    const at = stops.indexOf(document.activeElement as HTMLButtonElement);
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    stops[(at + move + stops.length) % stops.length]?.focus();
  }

  return (
    <>
      <IconButton ref={button} label={label} aria-haspopup="menu" popoverTarget={id} className="size-9">
        {icon}
      </IconButton>
      <div
        ref={menu}
        id={id}
        popover="auto"
        role="menu"
        aria-label={label}
        onToggle={(event) => event.newState === "open" && place()}
        onKeyDown={keyDown}
        className="fixed inset-auto m-0 min-w-44 animate-fade rounded-box border border-line bg-raised p-1 text-ink shadow-float"
      >
        {items.map((item) => (
          <button
            key={item.label}
            type="button"
            role="menuitem"
            aria-disabled={item.disabled}
            onClick={() => {
              if (item.disabled) return;
              menu.current?.hidePopover();
              item.onChoose();
            }}
            className={`block min-h-9 w-full rounded-[8px] px-3 text-start text-name ${item.disabled ? "cursor-default text-ink-3" : "hover:bg-hover"} ${item.danger ? "text-bad" : ""}`}
          >
            {item.label}
          </button>
        ))}
      </div>
    </>
  );
}
