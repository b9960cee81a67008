export * from "./config";
export * from "./dataset";
export * from "./evaluation";
export * from "./hpo";
export * from "./merge";
export * from "./training";
