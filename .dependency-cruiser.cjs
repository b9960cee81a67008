/**
 * Who may import whom (docs/architecture.md):
 * contracts <- pure modules <- *.workflow.ts; contracts <- skills, activities <- workers; client -> contracts.
 * @type {import("dependency-cruiser").IConfiguration}
 */

const workflowFile = "^workflows/(.*[.]workflow|index|proxies)[.]ts$";
const effects = "^(activities|skills|workers|client|infra|test)/";

const forbid = (name, comment, from, to) => ({ name, severity: "error", comment, from, to });

module.exports = {
  forbidden: [
    forbid(
      "contracts-import-nobody",
      "Everyone imports the contracts, so they import none of ours.",
      { path: "^workflows/contracts/" },
      { path: "^(workflows|activities|skills|workers|client|infra|test)/", pathNot: "^workflows/contracts/" },
    ),
    forbid(
      "contracts-need-zod-only",
      "Contracts run in every place, the workflow sandbox included.",
      { path: "^workflows/contracts/" },
      { path: "(^|/)node_modules/", pathNot: "(^|/)node_modules/(zod|fastest-levenshtein)/" },
    ),
    forbid(
      "pure-modules-import-no-workflow",
      "Rules are below the workflows that use them.",
      { path: "^workflows/", pathNot: workflowFile },
      { path: "^workflows/(.*[.]workflow|index)[.]ts$" },
    ),
    forbid(
      "workflows-reach-activities-by-type",
      "A workflow calls activities through proxies; only their types are imported.",
      { path: "^workflows/" },
      { path: "^activities/", dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "workflows-import-no-effects",
      "No skill catalogue, no connection and no user interface in the workflow sandbox.",
      { path: "^workflows/" },
      { path: effects, pathNot: "^activities/" },
    ),
    forbid(
      "workflows-are-sandbox-safe",
      "The workflow sandbox has no Node built-ins.",
      { path: "^workflows/" },
      { dependencyTypes: ["core"] },
    ),
    forbid(
      "workflows-use-the-workflow-package-only",
      "Of Temporal's packages only workflow and common load in the sandbox.",
      { path: "^workflows/" },
      {
        path: "(^|/)node_modules/@temporalio/",
        pathNot: "(^|/)node_modules/@temporalio/(workflow|common|interceptors-opentelemetry-v2)/",
        dependencyTypesNot: ["type-only"],
      },
    ),
    forbid(
      "effects-import-pure-rules-only",
      "Activities and skills use contracts and pure rules of workflows, never a workflow.",
      { path: "^(activities|skills)/" },
      { path: workflowFile },
    ),
    forbid(
      "rules-used-outside-are-pure",
      "What activities and skills use of workflows/ must not need the workflow sandbox.",
      { path: "^(activities|skills)/" },
      { path: "(^|/)node_modules/@temporalio/workflow/", reachable: true },
    ),
    forbid(
      "activities-know-no-entry-point",
      "Dependencies are handed in by workers/.",
      { path: "^(activities|skills)/" },
      { path: "^(workers|client|infra)/" },
    ),
    forbid(
      "client-imports-contracts-and-workflow-types",
      "The client talks to a server; it runs nothing itself.",
      { path: "^client/" },
      { path: "^workflows/", pathNot: "^workflows/contracts/", dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "client-has-no-effects",
      "The client talks to a server; it runs nothing itself.",
      { path: "^client/" },
      { path: "^(activities|skills|workers)/" },
    ),
    forbid(
      "only-the-cli-manages-a-machine",
      "The client library works without a development stack.",
      { path: "^client/", pathNot: "^client/cli/" },
      { path: "^(infra|client/cli)/" },
    ),
    forbid(
      "workers-know-no-client",
      "Workers serve; they do not ask.",
      { path: "^workers/" },
      { path: "^client/" },
    ),
    forbid(
      "nobody-imports-tests",
      "Tests depend on the product, never the other way.",
      { pathNot: "^test/" },
      { path: "^test/" },
    ),
    forbid(
      "the-product-needs-no-dev-package",
      "What runs for users is in dependencies.",
      { path: "^(workflows|activities|skills|workers|client|infra/(dev|setup|postgres))/" },
      { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "no-cycles",
      "A cycle has no direction.",
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    ),
    forbid("imports-resolve", "The module does not exist.", {}, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
    tsPreCompilationDeps: "specify",
    combinedDependencies: false,
    enhancedResolveOptions: {
      extensions: [".ts", ".mts", ".mjs", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
