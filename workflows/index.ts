/** The only workflow exports. Their names are the workflow types that the UI, the CLI and clients start. */
export { jobWorkflow } from "./dispatch/job.workflow";
export { experimentWorkflow } from "./lora/experiment.workflow";
export { trialWorkflow } from "./lora/trial.workflow";
export { verifyWorkflow } from "./lora/verify.workflow";
