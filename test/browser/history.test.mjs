import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "./lib/setting.mjs";

const scene = setting();
const total = 400;

/** Texts of all heights, from one word to a page. */
function textOf(n) {
  const lines = [1, 1, 2, 1, 6, 1, 3][n % 7];
  return Array.from({ length: lines }, (_, at) => `${n}.${at} ${"words and more of them ".repeat((n % 5) + 1)}`).join(
    "\n",
  );
}

async function conversationOf(username, other) {
  const a = await scene.server.account(username);
  const b = await scene.server.account(other);
  const { id } = await scene.server.call("POST", "/conversations", {
    token: a.accessToken,
    body: { type: "direct", participantIds: [b.user.id] },
  });
  for (let n = 1; n <= total; n++) {
    await scene.server.call("POST", `/conversations/${id}/messages`, {
      token: (n % 3 === 0 ? b : a).accessToken,
      body: { content: textOf(n), clientMessageId: `history-${n}` },
    });
  }
  return id;
}

/** Runs in the page: moves up, waits for the next page of history, and says how far any row moved meanwhile. */
async function upOnePage() {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const log = document.querySelector("[role=log]");
  const places = () => {
    const box = log.getBoundingClientRect();
    const rows = [...log.querySelectorAll("[data-message]")].map((row) => [
      row.dataset.message,
      row.getBoundingClientRect(),
    ]);
    return new Map(
      rows.filter(([, at]) => at.bottom > box.top && at.top < box.bottom).map(([key, at]) => [key, at.top]),
    );
  };
  const height = log.scrollHeight;
  log.scrollTop = Math.max(40, log.scrollTop - log.clientHeight * 0.8);
  for (let still = 0, before = ""; still < 3; ) {
    await frame();
    const now = [...places()].join();
    still = now === before ? still + 1 : 0;
    before = now;
  }
  if (log.scrollTop >= log.clientHeight) return { moved: 0, loaded: false, top: log.scrollTop };
  const settled = log.scrollHeight;
  let moved = 0;
  let last = places();
  let after = 0;
  for (let frames = 0; frames < 120 && after < 12; frames++) {
    await frame();
    const now = places();
    for (const [key, top] of now) if (last.has(key)) moved = Math.max(moved, Math.abs(top - last.get(key)));
    last = now;
    if (Math.abs(log.scrollHeight - settled) > 500) after++;
  }
  return { moved, loaded: log.scrollHeight - height > 500, top: log.scrollTop };
}

test("history pages upward without moving what is read", async (t) => {
  const id = await conversationOf("vic", "wyn");
  const vic = await scene.person("vic");
  // A page comes after the reader has come to rest, so that what moves was moved by the page.
  await vic.page.route(/\/messages\?.*cursor=/, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 250));
    await route.continue();
  });
  await vic.signIn();
  await vic.page.goto(`${scene.server.url}/#/c/${id}`);
  await vic.message(`${total}.0 `).waitFor();
  const atEnd = await vic.log.evaluate((log) => log.scrollHeight - log.clientHeight - log.scrollTop);
  assert.ok(atEnd < 2, `it opens at its end, not ${atEnd} px above it`);

  let [pages, worst] = [0, 0];
  const beginning = vic.page.getByText("This is the beginning of the conversation.");
  for (let step = 0; step < 200; step++) {
    const { moved, loaded, top } = await vic.page.evaluate(upOnePage);
    worst = Math.max(worst, moved);
    if (loaded) pages++;
    if (top <= 41 && (await beginning.count()) > 0) break;
  }
  await vic.log.evaluate((log) => {
    log.scrollTop = 0;
  });
  await beginning.waitFor();
  await vic.message("1.0 ").first().waitFor();
  t.diagnostic(`${pages} pages came in above; the farthest that a visible row moved is ${worst.toFixed(2)} px`);
  assert.ok(pages >= total / 50 - 2, `${pages} pages were seen coming`);
  assert.ok(worst <= 1, `a visible row moved ${worst} px`);

  await vic.page.getByRole("button", { name: "Latest messages" }).click();
  await vic.message(`${total}.0 `).waitFor();
});

test("the end stays in sight when something comes, when one writes and when the window shrinks", async () => {
  const [xia, yan] = [await scene.person("xia"), await scene.person("yan")];
  await xia.register();
  await yan.register();
  await xia.startChat(yan);
  for (let n = 1; n <= 30; n++) await xia.send(`Line ${n}`);
  await yan.open("Xia");
  const gap = (person) => person.log.evaluate((log) => log.scrollHeight - log.clientHeight - log.scrollTop);
  const atEnd = (person) =>
    person.page.waitForFunction(() => {
      const log = document.querySelector("[role=log]");
      return log.scrollHeight - log.clientHeight - log.scrollTop < 2;
    });
  // Who has read nothing begins at the beginning.
  await yan.message("Line 1").first().waitFor();
  await yan.page.getByRole("button", { name: /^\d+ new messages$/ }).click();
  await yan.message("Line 30").waitFor();
  await atEnd(yan);
  await yan.page.setViewportSize({ width: 600, height: 420 });
  await atEnd(yan);
  await yan.composer.fill("one\ntwo\nthree\nfour");
  await atEnd(yan);
  await xia.send(`A long one\n${"and more\n".repeat(12)}end`);
  await yan.message("A long one").waitFor();
  await atEnd(yan);

  // Who has gone up stays there, and is told that something came.
  await yan.log.evaluate((log) => {
    log.scrollTop -= 300;
  });
  await yan.page.getByRole("button", { name: "Latest messages" }).waitFor();
  const before = await gap(yan);
  await xia.send("Below");
  await yan.page.getByRole("button", { name: "1 new message" }).waitFor();
  assert.ok((await gap(yan)) > before, "it did not follow");
});
