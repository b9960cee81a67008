import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blobKey } from "../../../activities/artifacts/keys";
import { createObjectStore, keyOf, sha256 } from "../../../activities/artifacts/object-store";
import { failureOf } from "../../support/activity";
import { scratchFolder } from "../../support/scratch";
import { freshStore as freshStoreIn, type S3Access } from "../../support/services";
import { unusedPort } from "../../support/unused-port";
import { startVersitygw } from "../../support/versitygw";

const text = (words: string) => Buffer.from(words);

// Only the S3 API is relied on, so everything holds in another server too.
let versitygw: Awaited<ReturnType<typeof startVersitygw>> | undefined;
beforeAll(async () => {
  versitygw = await startVersitygw();
}, 900_000);
afterAll(() => versitygw?.stop());

const servers: { server: string; access: () => S3Access | undefined }[] = [
  { server: "the stack's MinIO", access: () => undefined },
  { server: "versitygw", access: () => versitygw },
];

describe.each(servers)("in $server", ({ access }) => {
  const freshStore = () => freshStoreIn(access());

  describe("content-addressed objects", () => {
    it("are stored once under their hash, and read back checked", async () => {
      const { store, s3, bucket } = await freshStore();
      const bytes = text("a few wörds\n");
      const ref = await store.put(bytes, "text/plain");
      expect(ref).toEqual({
        uri: `s3://${bucket}/objects/sha256/${sha256(bytes)}`,
        sha256: sha256(bytes),
        sizeBytes: bytes.length,
        mediaType: "text/plain",
      });
      const [first] = [await s3.statObject(bucket, keyOf(ref, bucket))];
      expect(await store.put(bytes, "text/plain")).toEqual(ref);
      expect((await s3.statObject(bucket, keyOf(ref, bucket))).versionId).toBe(first.versionId);
      expect(await store.get(ref)).toEqual(bytes);
    });

    it("are repaired by being stored again, where an object of another size lies under the hash", async () => {
      const { store, s3, bucket } = await freshStore();
      const bytes = text("whole");
      await s3.putObject(bucket, blobKey(sha256(bytes)), text("ho"));
      expect(await store.get(await store.put(bytes, "text/plain"))).toEqual(bytes);
    });

    it("hold nothing as well as much", async () => {
      const { store } = await freshStore();
      for (const bytes of [Buffer.alloc(0), randomBytes(9 * 1024 * 1024)]) {
        const ref = await store.put(bytes, "application/octet-stream");
        expect(await store.digest(ref)).toEqual({ sha256: ref.sha256, sizeBytes: bytes.length });
      }
    });

    it("that were changed are named, with both hashes", async () => {
      const { store, s3, bucket } = await freshStore();
      const ref = await store.put(text("right"), "text/plain");
      await s3.putObject(bucket, keyOf(ref, bucket), text("wrong"));
      const failed = await failureOf(store.get(ref));
      expect(failed).toMatchObject({ type: "CorruptArtifact", nonRetryable: true });
      expect(failed.message).toBe(
        `${ref.uri} does not match its hash: expected ${ref.sha256}, got ${sha256("wrong")}`,
      );
    });
  });

  describe("named objects", () => {
    it("are copied inside the store, and listed", async () => {
      const { store, bucket } = await freshStore();
      const ref = await store.put(text("{}"), "application/json");
      const copy = await store.copy(ref, "runs/a/metrics.json");
      expect(copy).toEqual({ ...ref, uri: `s3://${bucket}/runs/a/metrics.json` });
      expect(await store.read("runs/a/metrics.json")).toEqual({ bytes: text("{}"), ref: copy });
      await store.putNamed("runs/ab/other.json", text("[]"), "application/json");
      expect((await store.list("runs/a/")).map(({ key, sizeBytes }) => ({ key, sizeBytes }))).toEqual([
        { key: "runs/a/metrics.json", sizeBytes: 2 },
      ]);
    });

    it("that are not there are no failure to read, but one to get or copy", async () => {
      const { store, bucket } = await freshStore();
      expect(await store.read("runs/none")).toBeUndefined();
      const nowhere = {
        uri: `s3://${bucket}/runs/none`,
        sha256: sha256(""),
        sizeBytes: 0,
        mediaType: "text/plain",
      };
      expect(await store.digest(nowhere)).toBeUndefined();
      for (const work of [() => store.get(nowhere), () => store.copy(nowhere, "x")])
        expect(await failureOf(work())).toMatchObject({
          type: "NotFound",
          message: `s3://${bucket}/runs/none does not exist`,
        });
      expect(await failureOf(store.get({ ...nowhere, uri: "s3://elsewhere/x" }))).toMatchObject({
        type: "NotFound",
      });
    });

    it("are purged up to a point in time, newer versions staying", async () => {
      const { store } = await freshStore();
      await store.putNamed("k", text("old"), "text/plain");
      await store.putNamed("k2", text("other"), "text/plain");
      const [old] = await store.list("k");
      await store.purge("k", new Date((old?.lastModified.getTime() ?? 0) - 1));
      expect((await store.read("k"))?.bytes).toEqual(text("old"));
      await store.purge("k", new Date((old?.lastModified.getTime() ?? 0) + 1));
      expect(await store.read("k")).toBeUndefined();
      expect((await store.read("k2"))?.bytes).toEqual(text("other"));
    });
  });

  describe("downloads", () => {
    it("appear whole by rename, or not at all", async () => {
      const { store, s3, bucket } = await freshStore();
      const folder = scratchFolder();
      const ref = await store.put(randomBytes(3 * 1024 * 1024), "application/octet-stream");
      const path = join(folder, "deep", "file.bin");
      await store.download(ref, path);
      expect(sha256(readFileSync(path))).toBe(ref.sha256);
      const damaged = join(folder, "deep", "damaged.bin");
      await s3.putObject(bucket, keyOf(ref, bucket), randomBytes(3 * 1024 * 1024));
      expect(await failureOf(store.download(ref, damaged))).toMatchObject({ type: "CorruptArtifact" });
      expect(readdirSync(join(folder, "deep"))).toEqual(["file.bin"]);
    });

    it("say when the folder cannot be written", async () => {
      const { store } = await freshStore();
      const folder = scratchFolder();
      writeFileSync(join(folder, "file"), "");
      const ref = await store.put(text("x"), "text/plain");
      const failed = await failureOf(store.download(ref, join(folder, "file", "below")));
      expect(failed.message).toContain("cannot write a copy of");
      expect(existsSync(join(folder, "file"))).toBe(true);
    });
  });

  describe("an object store that does not answer", () => {
    it("is said to be unavailable, and may be asked again", async () => {
      const { options } = await freshStore();
      const port = await unusedPort();
      const gone = createObjectStore({ ...options, endpoint: `http://127.0.0.1:${port}` });
      const failed = await failureOf(gone.put(text("x"), "text/plain"));
      expect(failed).toMatchObject({ type: "StorageUnavailable", nonRetryable: false });
      expect(failed.message).toContain(`the object store at http://127.0.0.1:${port} does not answer`);
    });

    it("or refuses us, says which", async () => {
      const { options } = await freshStore();
      const wrong = createObjectStore({ ...options, secretKey: "not the right one" });
      expect((await failureOf(wrong.list(""))).message).toContain(
        "refuses our access key (SignatureDoesNotMatch)",
      );
      const elsewhere = createObjectStore({ ...options, bucket: "no-such-bucket" });
      expect((await failureOf(elsewhere.check())).message).toContain("has no bucket no-such-bucket");
    });
  });
});
