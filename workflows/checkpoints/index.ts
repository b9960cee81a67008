export * from "./keep";
export * from "./valid";
