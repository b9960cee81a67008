const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Run ids become parts of object keys, workflow ids, folders and addresses; so no slash, blank or quote. */
export const isRunId = (id: string): boolean => RUN_ID.test(id);

/** What a run's id may be, for people. */
export const RUN_ID_RULE = "letters, digits, '.', '_' or '-' (at most 128), starting with a letter or digit";
