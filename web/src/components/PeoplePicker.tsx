import type { User } from "@parley-chat/sdk";
import { X } from "lucide-react";
import { type KeyboardEvent, useId, useState } from "react";
import { useFoundPeople } from "../lib/search.ts";
import { strings } from "../lib/strings.ts";
import { later } from "../lib/strings-later.ts";
import { Avatar } from "./Avatar.tsx";

interface PickerProps {
  chosen: readonly User[];
  onChange: (people: readonly User[]) => void;
  /** Ids of those who cannot be chosen. */
  without: ReadonlySet<string>;
}

/** Chooses people by name, with the arrow keys too. */
export function PeoplePicker({ chosen, onChange, without }: PickerProps) {
  const id = useId();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const found = useFoundPeople(typed);
  const offered =
    [...typed.trim()].length < 2
      ? []
      : (found.data ?? []).filter((user) => !without.has(user.id) && !chosen.some((c) => c.id === user.id));
  const active = Math.min(at, offered.length - 1);

  function choose(user: User) {
    onChange([...chosen, user]);
    setTyped("");
    setAt(0);
  }

  function keyDown(event: KeyboardEvent) {
    const target = offered[active];
    if (event.key === "ArrowDown") setAt(Math.min(active + 1, offered.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(active - 1, 0));
    else if (event.key === "Enter" && target !== undefined) choose(target);
    else if (event.key === "Backspace" && typed === "" && chosen.length > 0) onChange(chosen.slice(0, -1));
    else return;
    event.preventDefault();
  }

  return (
    <div>
      <label htmlFor={id} className="mb-1 block font-medium text-ink-2 text-small">
        {later.findPeople}
      </label>
      {chosen.length > 0 && (
        <ul aria-label={later.chosen} className="mb-2 flex flex-wrap gap-1.5">
          {chosen.map((user) => (
            <li key={user.id} className="flex items-center rounded-full bg-own ps-3 text-name">
              <bdi className="max-w-48 truncate">{user.displayName}</bdi>
              <button
                type="button"
                aria-label={later.removeName(user.displayName)}
                onClick={() => onChange(chosen.filter((c) => c.id !== user.id))}
                className="inline-flex size-8 items-center justify-center rounded-full text-ink-2 hover:text-ink"
              >
                <X size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <input
        id={id}
        data-autofocus
        role="combobox"
        aria-expanded={offered.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={offered[active] && `${id}-${offered[active].id}`}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        dir="auto"
        value={typed}
        placeholder={later.findPeopleHint}
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={keyDown}
        className="block min-h-11 w-full rounded-box border border-line bg-raised px-3.5 py-2"
      />
      <div
        id={`${id}-list`}
        role="listbox"
        aria-label={strings.people}
        className={`max-h-60 overflow-y-auto ${offered.length > 0 ? "mt-2" : ""}`}
      >
        {offered.map((user, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the combobox above.
          // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the combobox above.
          <div
            key={user.id}
            id={`${id}-${user.id}`}
            role="option"
            aria-selected={index === active}
            onClick={() => choose(user)}
            className={`flex min-h-12 cursor-pointer items-center gap-3 rounded-box px-2 ${index === active ? "bg-hover" : "hover:bg-hover"}`}
          >
            <Avatar id={user.id} name={user.displayName} size="s" />
            <span className="min-w-0">
              <bdi className="block truncate font-medium text-name">{user.displayName}</bdi>
              <bdi className="block truncate text-ink-3 text-meta">@{user.username}</bdi>
            </span>
          </div>
        ))}
      </div>
      {offered.length === 0 && found.isSuccess && !found.isPlaceholderData && [...typed.trim()].length >= 2 && (
        <p role="status" className="mt-2 text-ink-3 text-name">
          {later.nobodyFound}
        </p>
      )}
    </div>
  );
}
