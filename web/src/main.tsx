import { ParleyClient } from "@parley-chat/sdk";
import { IndexedDBStorage } from "@parley-chat/sdk/indexeddb";
import { Presence, thisDevice } from "@parley-chat/sdk/presence";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App.tsx";
import { Boundary } from "./app/Boundary.tsx";
import "./app/styles.css";
import { slot } from "./lib/slot.ts";
import { applyTheme } from "./lib/theme.ts";

applyTheme();

// Tokens stay in this object: the access token in memory, the refresh token in a cookie that scripts cannot read.
const client = new ParleyClient({
  storage: new IndexedDBStorage(),
  device: thisDevice(),
  ...(slot !== null && { slot }),
});
const presence = new Presence(client);
void client.restore();

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Boundary>
      <App client={client} presence={presence} />
    </Boundary>
  </StrictMode>,
);
