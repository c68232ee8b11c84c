import { Ellipsis } from "lucide-react";
import { Menu } from "../../components/Menu.tsx";
import { later } from "../../lib/strings-later.ts";

/** What one may do with a conversation as a whole. */
export function ConversationMenu({ unread, onMarkRead }: { unread: boolean; onMarkRead: () => void }) {
  const items = [{ label: later.markRead, disabled: !unread, onChoose: onMarkRead }];
  return <Menu label={later.conversationOptions} icon={<Ellipsis size={19} />} items={items} />;
}
