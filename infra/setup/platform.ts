/** Built binaries of one system do not run on another; a home folder may be shared by both. */
export function platformName(): string {
  return `${process.platform}-${process.arch}`;
}
