/** What a server of ours gets of our environment: a person's settings for other servers must not reach it. */
export function baseEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
}
