// Subscriptions as server-sent events: an answer for each `next`, until `complete` or until nobody reads on.

/** Whether the operation that is sent is to be listened to. */
export const isSubscription = ({ operationName }, document) =>
  document?.definitions.some(
    ({ operation, name }) => operation === "subscription" && (!operationName || name?.value === operationName),
  ) ?? false;

/** The answers. Who stops reading them ends the request at once, also while the next one is waited for. */
export function listen(url, request, headers) {
  const stopped = new AbortController();
  const told = answers(url, request, headers, stopped.signal);
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => told.next(),
      return: () => {
        stopped.abort();
        return told.return();
      },
    }),
  };
}

async function* answers(url, request, headers, signal) {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { Accept: "text/event-stream", "Content-Type": "application/json", ...headers },
      body: JSON.stringify(request),
      signal,
    });
    if (!response.headers.get("Content-Type").startsWith("text/event-stream")) {
      yield await response.json();
      return;
    }
    for await (const event of events(response.body.pipeThrough(new TextDecoderStream()))) {
      if (event.startsWith("event: complete")) return;
      if (event.startsWith("event: next")) yield JSON.parse(event.split("\ndata: ")[1]);
    }
  } catch (fault) {
    if (!signal.aborted) throw fault;
  }
}

async function* events(texts) {
  let rest = "";
  const reader = texts.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const parts = (rest + read.value).split("\n\n");
    rest = parts.pop();
    yield* parts;
  }
}
