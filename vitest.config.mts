import { defineConfig } from "vitest/config";

// Servers and training are real; how long they take is the machine's business, and never asserted.
const timeouts = { testTimeout: 60_000, hookTimeout: 180_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...timeouts,
          name: "parts",
          include: ["test/**/*.test.ts"],
          exclude: ["test/resilience/**"],
          globalSetup: ["test/support/services.setup.ts"],
        },
      },
      {
        test: {
          ...timeouts,
          name: "resilience",
          include: ["test/resilience/**/*.test.ts"],
          globalSetup: ["test/resilience/support/stack.setup.ts"],
          // They kill parts of one stack, and train: one after the other, with the machine to themselves.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
