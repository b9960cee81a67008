import type { Context } from "@temporalio/activity";
import type { ActivityInboundCallsInterceptor, ActivityInterceptors } from "@temporalio/worker";

/** Often enough for the shortest heartbeat timeout in use, and for a cancel to arrive soon. */
const INTERVAL_MS = 2_000;

/** Heartbeats for every regular activity while it runs, so that a dead worker is noticed in seconds. */
export function heartbeatWhileRunning(ctx: Context): ActivityInterceptors {
  if (ctx.info.isLocal || !ctx.info.heartbeatTimeoutMs) return {};
  const inbound: ActivityInboundCallsInterceptor = {
    async execute(input, next) {
      const timer = setInterval(() => ctx.heartbeat(), INTERVAL_MS);
      try {
        return await next(input);
      } finally {
        clearInterval(timer);
      }
    },
  };
  return { inbound };
}
