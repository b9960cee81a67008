const ANSWER_WITHIN_MS = 2000;

/** Whether the answer is one of success. */
export async function answersHttp(url: string): Promise<boolean> {
  return (await statusOf(url).catch(() => 0)) === 200;
}

/** Whether there is an answer at all: object stores refuse an anonymous request, but they answer it. */
export async function reachesHttp(url: string): Promise<boolean> {
  return (await statusOf(url).catch(() => 0)) !== 0;
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  await response.body?.cancel();
  return response.status;
}
