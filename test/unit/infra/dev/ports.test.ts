import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isFree, PortBook } from "../../../../infra/dev/ports";
import { scratchFolder } from "../../../support/scratch";

async function occupy(port: number): Promise<Server> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return server;
}

test("a port is remembered, by another process too", async () => {
  const path = join(scratchFolder(), "ports.json");
  const port = await new PortBook(path).take("sql");
  expect(await isFree(port)).toBe(true);
  expect(await new PortBook(path).take("sql")).toBe(port);
  expect(new PortBook(path).remembered("sql")).toBe(port);
});

test("a remembered port that somebody else has taken is replaced, and the new one remembered", async () => {
  const path = join(scratchFolder(), "ports.json");
  const before = await new PortBook(path).take("sql");
  await occupy(before);
  expect(await isFree(before)).toBe(false);
  const after = await new PortBook(path, 100).take("sql");
  expect(after).not.toBe(before);
  expect(new PortBook(path).remembered("sql")).toBe(after);
});

test("a remembered port that a dying process still holds is waited for", async () => {
  const path = join(scratchFolder(), "ports.json");
  const before = await new PortBook(path).take("sql");
  const dying = await occupy(before);
  const taken = new PortBook(path).take("sql");
  expect(await isFree(before)).toBe(false);
  dying.close();
  expect(await taken).toBe(before);
});

test("parts that look for ports at the same time get different ones", async () => {
  const book = new PortBook(join(scratchFolder(), "ports.json"));
  const ports = await Promise.all(["sql", "s3", "grpc", "ui"].map((name) => book.take(name)));
  expect(new Set(ports).size).toBe(4);
});

test("two stacks begin their search at different ports", async () => {
  const [one, two] = await Promise.all(
    [1, 2].map(() => new PortBook(join(scratchFolder(), "ports.json")).take("sql")),
  );
  expect(one).not.toBe(two);
});

test("a damaged file of ports is forgotten", async () => {
  const path = join(scratchFolder(), "ports.json");
  writeFileSync(path, "{ not JSON");
  expect(await isFree(await new PortBook(path).take("sql"))).toBe(true);
});
