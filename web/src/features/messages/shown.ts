/** From how much of a row on it counts as shown. A row that is larger than its list never shows half of itself. */
const half = 0.5;
const steps = Array.from({ length: 21 }, (_, step) => step / 20);

/**
 * Watches rows, which carry their key as `data-key`, and tells when half of one is on the screen and when not any more.
 * The function that it returns is for the rows' `ref`.
 */
export function watchRows(tell: (key: string, shown: boolean) => void): (row: HTMLElement | null) => () => void {
  const keyOf = (row: Element) => (row as HTMLElement).dataset.key ?? "";
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio, intersectionRect } of entries) {
        const space = target.closest("[role=log]")?.clientHeight ?? Number.POSITIVE_INFINITY;
        tell(keyOf(target), intersectionRatio >= half || intersectionRect.height >= space * half);
      }
    },
    { threshold: steps },
  );
  return (row) => {
    if (row !== null) observer.observe(row);
    return () => {
      if (row === null) return;
      observer.unobserve(row);
      tell(keyOf(row), false);
    };
  };
}
