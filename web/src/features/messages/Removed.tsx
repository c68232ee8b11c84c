import { Button } from "../../components/Button.tsx";
import { Empty } from "../../components/Empty.tsx";
import { leaveConversation } from "../../lib/route.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";

/** What is left of a conversation that this person is not in any more. */
export function Removed({ reason }: { reason: string }) {
  return (
    <Empty title={later.removedTitle[reason] ?? later.notHere}>
      <Button onClick={leaveConversation}>{strings.back}</Button>
    </Empty>
  );
}
