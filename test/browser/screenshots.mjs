// Writes docs/images/chat-light.png and chat-dark.png: two people chatting, seen by one of them.
import { mkdir, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { openBrowser, Person } from "./lib/person.mjs";
import { Server } from "./lib/server.mjs";

const images = new URL("../../docs/images/", import.meta.url);
const largest = 300_000;

const names = {
  mara: "Mara Okafor",
  jonas: "Jonas Weber",
  yuki: "Yuki Tanaka",
  priya: "Priya Raman",
  omar: "Omar Haddad",
};

const others = [
  { with: ["omar"], said: [["omar", "شكرا، إلى اللقاء غدا"]] },
  {
    with: ["priya", "yuki"],
    title: "Saturday",
    said: [
      ["priya", "The photos are up"],
      ["yuki", "The one with the kite"],
    ],
  },
  { with: ["yuki"], said: [["mara", "See you at six"]] },
  {
    with: ["jonas", "priya", "omar"],
    title: "Release 1.0",
    said: [
      ["priya", "Changelog is in docs"],
      ["omar", "Packages are signed"],
      ["jonas", "Please look once more before we tag it"],
    ],
  },
];

const talk = [
  ["jonas", "Morning. Did the night build go through?"],
  ["mara", "All green. Coming back after a lost connection takes four seconds now, it was eleven."],
  ["mara", "That is the group commit. Before, every message waited for its own sync to the disk."],
  ["jonas", "Good. Somebody asked for the numbers yesterday, can you put them into the README?"],
  ["jonas", "They are at https://parley.example/docs/bench"],
  [
    "mara",
    "After lunch. I would rather show the ratio to the probe than raw figures, they depend so much on the disk.",
  ],
  ["jonas", "Agreed."],
  ["mara", "I also pulled the plug in the middle of a send, on purpose. Everything that had a tick was there once."],
  ["jonas", "And what had none?"],
];

async function tell(server) {
  const accounts = {};
  for (const [username, name] of Object.entries(names)) accounts[username] = await server.account(username, name);
  let n = 0;
  const converse = async ({ with: people, title, said }) => {
    const { id } = await server.call("POST", "/conversations", {
      token: accounts.mara.accessToken,
      body: {
        type: title === undefined ? "direct" : "group",
        participantIds: people.map((username) => accounts[username].user.id),
        ...(title === undefined ? {} : { title }),
      },
    });
    for (const [username, content] of said) {
      await server.call("POST", `/conversations/${id}/messages`, {
        token: accounts[username].accessToken,
        body: { content, clientMessageId: `said-${++n}` },
      });
    }
  };
  for (const conversation of others) await converse(conversation);
  await converse({ with: ["jonas"], said: talk });
}

const server = await Server.start();
const browser = await openBrowser();
try {
  await tell(server);
  const jonas = await Person.arrive(browser, server, "jonas");
  await jonas.signIn();
  await jonas.open("Mara");
  const mara = await Person.arrive(browser, server, "mara", { viewport: { width: 1200, height: 750 } });
  await mara.signIn();
  await mara.open("Jonas Weber");
  // What is said while both look has its two ticks.
  await mara.send("Went out by itself when the server was back. Once, in order.");
  await mara.reaches("Went out by itself", "delivered", "read");
  await jonas.send("Then I have nothing left to complain about.");
  await mara.message("nothing left to complain").waitFor();
  await mkdir(images, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await mara.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // Typing is told at most every three seconds.
    await jonas.composer.pressSequentially("Except perhaps", { delay: 300 });
    await mara.page.locator("[data-typing]").waitFor();
    const path = fileURLToPath(new URL(`chat-${colorScheme}.png`, images));
    await mara.page.screenshot({ path });
    await jonas.composer.fill("");
    await mara.page.locator("[data-typing]").waitFor({ state: "detached" });
    const { size } = await stat(path);
    console.log(`${path}: ${Math.round(size / 1000)} kB`);
    if (size > largest) throw new Error(`${path} is larger than ${largest / 1000} kB`);
  }
} finally {
  await browser.close();
  await server.stop();
}
