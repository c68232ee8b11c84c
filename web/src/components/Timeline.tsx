import { ArrowDown } from "lucide-react";
import {
  type ReactElement,
  type ReactNode,
  type Ref,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { useSteady } from "../lib/hooks.ts";
import { type Keyed, nextStep, type Step } from "../lib/steps.ts";

export interface TimelineHandle {
  /** Goes to the end and stays there while more comes. */
  toEnd(): void;
}

interface TimelineProps<T extends Keyed> {
  items: readonly T[];
  label: string;
  children: (item: T) => ReactElement;
  /** The end came near from below; called often, also while a page is on its way. */
  onNearStart: () => void;
  /** For the `ref` of each item's element, which has the item's key as `data-key`. */
  watch: (element: HTMLElement | null) => () => void;
  /** The key of the item where reading begins, when the list is shown first; else it begins at the end. */
  startAt: string | null;
  /** The label of the button that leads back to the end, shown while the reader is elsewhere. */
  endLabel: (below: readonly T[]) => ReactNode;
  ref?: Ref<TimelineHandle>;
}

/** How near to its end, in pixels, a list counts as being there. */
const near = 40;
/** How much, in pixels, is shown of what stands before the place where reading begins. */
const context = 64;

/**
 * A long list that is read from its end: only what is on the screen is in the document. What comes in above
 * does not move what is being read, and at the end it stays at the end, whatever grows or shrinks.
 *
 * An item's height may depend on the item before it and on nothing else.
 */
export function Timeline<T extends Keyed>(props: TimelineProps<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const pinned = useRef(true);
  const offset = useRef(0);
  const started = useRef(false);
  // What stands before the place where reading began, as long as the end was not reached.
  const began = useRef<string | null>(null);
  // The newest item when the reader left the end: what comes after it is new to them.
  const [leftAt, setLeftAt] = useState<string | null>(null);

  const [step, setStep] = useState<Step<T>>({ items: props.items, target: props.items, shift: false });
  if (step.target !== props.items) setStep(nextStep(step, props.items));

  const stick = () => {
    const box = scroller.current;
    if (box === null || !pinned.current) return;
    box.scrollTop = box.scrollHeight;
    offset.current = box.scrollTop;
  };

  const look = useSteady(() => {
    const box = scroller.current;
    if (box !== null && step.items.length > 0 && box.scrollTop < box.clientHeight) props.onNearStart();
  });

  const scrolled = useSteady(() => {
    const box = scroller.current;
    if (box === null) return;
    const atEnd = box.scrollHeight - box.clientHeight - box.scrollTop < near;
    // Only moving up leaves the end; a list that grew below has not been left.
    if (atEnd) pinned.current = true;
    else if (box.scrollTop < offset.current - 1) pinned.current = false;
    offset.current = box.scrollTop;
    setLeftAt((before) => (pinned.current ? null : (before ?? began.current ?? step.items.at(-1)?.key ?? null)));
    if (pinned.current) began.current = null;
    look();
  });

  /** Goes to where reading begins, once, with a little of what stands before it. */
  const begin = () => {
    const at = step.items.findIndex((item) => item.key === props.startAt);
    if (at < 0) return;
    pinned.current = false;
    began.current = step.items[at - 1]?.key ?? "";
    list.current?.scrollToIndex(at, { align: "start", offset: -context });
    // A list that has no need to scroll tells nothing.
    setTimeout(scrolled, 200);
  };

  useImperativeHandle(props.ref, () => ({
    toEnd() {
      pinned.current = true;
      setLeftAt(null);
      stick();
    },
  }));

  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows each change of the items.
  useLayoutEffect(() => {
    if (!started.current && step.items.length > 0) {
      started.current = true;
      begin();
    }
    stick();
    if (step.items !== step.target) setStep({ items: step.target, target: step.target, shift: false });
    const frame = requestAnimationFrame(() => {
      stick();
      look();
    });
    return () => cancelAnimationFrame(frame);
  }, [step]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: it only reads refs.
  useEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    const observer = new ResizeObserver(() => {
      stick();
      look();
    });
    observer.observe(box);
    for (const child of box.children) observer.observe(child);
    return () => observer.disconnect();
  }, []);

  const below = leftAt === null ? [] : step.items.slice(step.items.findIndex((item) => item.key === leftAt) + 1);
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        role="log"
        aria-label={props.label}
        // Rows come and go with scrolling; what is new is announced apart.
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        className="absolute inset-0 flex flex-col overflow-y-auto overscroll-contain outline-offset-[-2px] [overflow-anchor:none]"
      >
        <div className="grow" />
        <Virtualizer
          ref={list}
          data={step.items}
          shift={step.shift}
          bufferSize={600}
          onScroll={scrolled}
          onResize={stick}
        >
          {(item) => (
            <div key={item.key} ref={props.watch} data-key={item.key}>
              {props.children(item)}
            </div>
          )}
        </Virtualizer>
      </div>
      {leftAt !== null && (
        <button
          type="button"
          onClick={() => {
            pinned.current = true;
            setLeftAt(null);
            list.current?.scrollToIndex(step.items.length - 1, { align: "end" });
          }}
          className="absolute inset-x-0 bottom-3 mx-auto flex min-h-9 w-fit animate-fade items-center gap-1.5 rounded-full border border-line bg-raised px-4 font-medium text-ink-2 text-small shadow-float hover:text-ink"
        >
          <ArrowDown size={15} aria-hidden="true" />
          {props.endLabel(below)}
        </button>
      )}
    </div>
  );
}
