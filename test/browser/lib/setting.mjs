// One server and one browser for the tests of a file.
import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import { openBrowser, Person } from "./person.mjs";
import { Server } from "./server.mjs";

/** Sets the scene; after each test nobody's page may have done what a page never should. */
export function setting() {
  const scene = { server: null, browser: null, people: [] };
  before(async () => {
    [scene.server, scene.browser] = await Promise.all([Server.start(), openBrowser()]);
  });
  afterEach(async () => {
    const people = scene.people.splice(0);
    for (const person of people) await person.leave();
    for (const person of people) assert.deepEqual(person.faults, [], `what ${person.username}'s page did`);
  });
  after(async () => {
    await scene.browser?.close();
    await scene.server?.stop();
  });
  scene.person = async (username, options) => {
    const person = await Person.arrive(scene.browser, scene.server, username, options);
    scene.people.push(person);
    return person;
  };
  return scene;
}
