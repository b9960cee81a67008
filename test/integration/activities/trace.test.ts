import { describe, expect, it } from "vitest";
import { runKey } from "../../../activities/artifacts/keys";
import type { Database } from "../../../activities/persistence/database";
import { createTraceActivities } from "../../../activities/trace";
import type { ArtifactRef, TraceEvent } from "../../../workflows/contracts";
import { failureOf } from "../../support/activity";
import { integer, random, shuffled } from "../../support/seeded";
import { freshDatabase, freshStore } from "../../support/services";
import { traceLine } from "../../support/trace-lines";

const subjectOf = (run: string) => `${run}/trial-0`;

const servers = async () => ({ db: (await freshDatabase()).db, store: (await freshStore()).store });

async function setup(): Promise<ReturnType<typeof shipper>> {
  return shipper(await servers(), "r");
}

function shipper({ db, store }: Awaited<ReturnType<typeof servers>>, run: string) {
  const activities = createTraceActivities({ db, store });
  return {
    db,
    store,
    append: (events: TraceEvent[]) => activities["trace.append"]({ events }),
    ingest: (segments: ArtifactRef[] = []) => activities["trace.ingest"]({ run, segments }),
    curve: (name = "train_loss", upToStep = 10_000) =>
      activities["metrics.curve"]({ subject: subjectOf(run), name, upToStep }),
    ship: (source: string, events: TraceEvent[], tail = "") =>
      store.putNamed(
        runKey(run, `wal/${source}/${String(events[0]?.seq ?? 0).padStart(12, "0")}.jsonl`),
        Buffer.from(events.map(traceLine).join("") + tail),
        "application/x-ndjson",
      ),
  };
}

/** A writer of events, as an engine is one. */
function source(name: string, run = "r") {
  let seq = 0;
  const event = (epoch: number, kind: string, data: Record<string, unknown>): TraceEvent => ({
    run,
    source: name,
    seq: seq++,
    at: new Date(1_760_000_000_000 + seq).toISOString(),
    subject: subjectOf(run),
    epoch,
    kind,
    data,
  });
  return {
    name,
    resumed: (epoch: number, fromStep: number) => event(epoch, "trial.resumed", { fromStep }),
    loss: (epoch: number, step: number, value: number) =>
      event(epoch, "trial.metrics", { step, values: { train_loss: value } }),
  };
}

const eventCount = async (db: Database, run = "r") =>
  (await db.query("SELECT FROM trace_events WHERE run = $1", [run])).rowCount;

describe("trace.append", () => {
  it("writes each event once", async () => {
    const { append, db } = await setup();
    const { loss } = source("wf@1");
    const events = [loss(1, 1, 0.5), loss(1, 2, 0.25)];
    await append(events);
    await append(events);
    await append([]);
    const { rows } = await db.query(
      "SELECT source, seq, kind, data, subject, epoch FROM trace_events ORDER BY seq",
    );
    expect(rows).toEqual(
      events.map(({ source: from, seq, kind, data, epoch }) => ({
        source: from,
        seq,
        kind,
        data,
        subject: "r/trial-0",
        epoch,
      })),
    );
  });
});

describe("trace.ingest", () => {
  it("reads segments into events and metrics, however often they are shipped", async () => {
    const { ship, ingest, curve, db } = await setup();
    const e = source("e1.b1");
    const refs = [
      await ship("e1.b1", [e.resumed(1, 0), e.loss(1, 1, 2.5)]),
      await ship("e1.b1", [e.loss(1, 2, 1.25)]),
    ];
    expect(await ingest(refs)).toEqual({ events: 3 });
    expect(await ingest(refs)).toEqual({ events: 0 });
    expect(await ingest()).toEqual({ events: 0 });
    expect(await curve()).toEqual([
      { step: 1, value: 2.5 },
      { step: 2, value: 1.25 },
    ]);
    expect(await curve("train_loss", 1)).toHaveLength(1);
    expect(await eventCount(db)).toBe(3);
  });

  it("finds what nobody reported", async () => {
    const { ship, ingest, curve } = await setup();
    const [one, two] = [source("e1.b1"), source("e2.b1")];
    await ship("e1.b1", [one.resumed(1, 0), one.loss(1, 1, 0.5)]);
    await ship("e2.b1", [two.resumed(2, 1), two.loss(2, 2, 0.25)]);
    expect(await ingest()).toEqual({ events: 4 });
    expect(await curve()).toHaveLength(2);
  });

  it("takes a segment that was shipped again with more in it, also by its old reference", async () => {
    const { ship, ingest, curve } = await setup();
    const e = source("e1.b1");
    const first = [e.resumed(1, 0), e.loss(1, 1, 0.5)];
    const old = await ship("e1.b1", first);
    await ingest([old]);
    const longer = [...first, e.loss(1, 2, 0.25)];
    await ship("e1.b1", longer);
    expect(await ingest()).toEqual({ events: 1 });
    expect(await ingest([old])).toEqual({ events: 0 });
    expect(await curve()).toHaveLength(2);
  });

  it("keeps the exact valid prefix of a torn segment", async () => {
    const { ship, ingest, curve } = await setup();
    const e = source("e1.b1");
    const torn = traceLine(e.loss(1, 3, 0.1)).slice(0, -20);
    expect(await ingest([await ship("e1.b1", [e.resumed(1, 0), e.loss(1, 1, 0.5)], torn)])).toEqual({
      events: 2,
    });
    expect(await curve()).toEqual([{ step: 1, value: 0.5 }]);
  });

  it("names a damaged segment and its line, keeps what stands before, and reads it again when it is mended", async () => {
    const { store, ship, ingest, curve, db } = await setup();
    const e = source("e1.b1");
    const events = [e.resumed(1, 0), e.loss(1, 1, 0.5), e.loss(1, 2, 0.25)];
    const ref = await ship("e1.b1", events);
    const damaged = Buffer.from(events.map(traceLine).join("").replace('"step":2', '"step":9'));
    await store.putNamed(runKey("r", "wal/e1.b1/000000000000.jsonl"), damaged, "application/x-ndjson");
    for (const given of [[ref], []]) {
      const failed = await failureOf(ingest(given));
      expect(failed).toMatchObject({ type: "CorruptArtifact", nonRetryable: true });
      expect(failed.message).toBe(
        "the trace segment runs/r/wal/e1.b1/000000000000.jsonl is damaged in line 3: its checksum does not match",
      );
    }
    expect(await curve()).toEqual([{ step: 1, value: 0.5 }]);
    expect(await eventCount(db)).toBe(2);
    // It keeps no other segment from being read.
    await ship("e2.b1", [source("e2.b1").resumed(1, 0)]);
    expect(await failureOf(ingest())).toMatchObject({ type: "CorruptArtifact" });
    expect(await eventCount(db)).toBe(3);
    await ship("e1.b1", events);
    expect(await ingest()).toEqual({ events: 1 });
    expect(await curve()).toHaveLength(2);
  });

  it("refuses events of another run, and says when a segment is not there", async () => {
    const { store, ship, ingest, db } = await setup();
    const e = source("e1.b1");
    await ship("e1.b1", [{ ...e.loss(1, 1, 0.5), run: "other" }]);
    expect((await failureOf(ingest())).message).toContain("holds an event of another run, other");
    expect(await eventCount(db)).toBe(0);
    const gone = {
      uri: `s3://${store.bucket}/runs/r/wal/x/000000000000.jsonl`,
      sha256: "0".repeat(64),
      sizeBytes: 1,
      mediaType: "x",
    };
    expect(await failureOf(ingest([gone]))).toMatchObject({ type: "NotFound" });
  });

  it("leaves out numbers that are none", async () => {
    const { ship, ingest, curve } = await setup();
    const e = source("e1.b1");
    const odd = { ...e.loss(1, 2, 0), data: { step: 2, values: { train_loss: null, note: "x" } } };
    await ingest([await ship("e1.b1", [e.loss(1, 1, 0.5), odd])]);
    expect(await curve()).toEqual([{ step: 1, value: 0.5 }]);
  });
});

describe("metrics of a trial that went on from an earlier step", () => {
  it("replace what the epochs before had measured beyond it, also for late shipments", async () => {
    const { ship, ingest, curve } = await setup();
    const [one, two] = [source("e1.b1"), source("e2.b1")];
    const early = await ship("e1.b1", [
      one.resumed(1, 0),
      one.loss(1, 1, 0.1),
      one.loss(1, 2, 0.2),
      one.loss(1, 3, 0.3),
    ]);
    const late = await ship("e1.b1", [one.loss(1, 4, 0.4), one.loss(1, 5, 0.5)]);
    await ingest([early]);
    await ingest([await ship("e2.b1", [two.resumed(2, 2), two.loss(2, 3, 30)])]);
    await ingest([late]);
    expect(await curve()).toEqual([
      { step: 1, value: 0.1 },
      { step: 2, value: 0.2 },
      { step: 3, value: 30 },
    ]);
  });

  it("come out the same in whatever order and however often segments arrive", async () => {
    const seed = 20_261_123;
    console.info(`seed ${seed}`);
    const draw = random(seed);
    const shared = await servers();
    for (let round = 0; round < 20; round += 1) {
      const run = `round-${round}`;
      const { db, ship, ingest, curve } = shipper(shared, run);
      const history = randomHistory(draw, run);
      const refs: ArtifactRef[] = [];
      for (const { name, events } of history.segments) refs.push(await ship(name, events));
      const deliveries = shuffled(draw, [...refs, ...refs.filter(() => draw() < 0.5)]);
      // Several at once, as the trials of one engine report at the same time.
      for (let at = 0; at < deliveries.length; ) {
        const together = deliveries.slice(at, at + integer(draw, 1, 3));
        await Promise.all(together.map((ref) => ingest([ref])));
        at += together.length;
      }
      expect(await curve(), `round ${round} of seed ${seed}`).toEqual(history.expected);
      expect(await eventCount(db, run)).toBe(
        history.segments.reduce((sum, { events }) => sum + events.length, 0),
      );
    }
  });
});

/** Epochs that each go on from a step that an earlier one reached, some overrunning as zombies do. */
function randomHistory(draw: () => number, run: string) {
  const segments: { name: string; events: TraceEvent[] }[] = [];
  let truth = new Map<number, number>();
  let reached = 0;
  const epochs = integer(draw, 2, 5);
  for (let epoch = 1; epoch <= epochs; epoch += 1) {
    const from = epoch === 1 ? 0 : integer(draw, 0, reached);
    const to = from + integer(draw, 1, 8);
    const engine = source(`e${epoch}.b`, run);
    const events = [engine.resumed(epoch, from)];
    truth = new Map([...truth].filter(([step]) => step <= from));
    for (let step = from + 1; step <= to; step += 1) {
      events.push(engine.loss(epoch, step, epoch * 1000 + step));
      truth.set(step, epoch * 1000 + step);
    }
    reached = to;
    for (let at = 0; at < events.length; ) {
      const length = integer(draw, 1, 4);
      segments.push({ name: engine.name, events: events.slice(at, at + length) });
      at += length;
    }
  }
  return {
    segments,
    expected: [...truth].sort(([a], [b]) => a - b).map(([step, value]) => ({ step, value })),
  };
}
