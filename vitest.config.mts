import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/services.setup.ts"],
    // Servers and training are real; how long they take is the machine's business, and never asserted.
    testTimeout: 60_000,
    hookTimeout: 180_000,
  },
});
