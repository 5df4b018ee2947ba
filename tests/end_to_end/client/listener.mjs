// Follows a person's updates with the npm package graphql-ws, whatever happens to the server, and prints each position.
// node listener.mjs URL TOKEN AFTER
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, token, start] = process.argv.slice(2);
const query = "subscription ($after: Position) { myUpdates(after: $after) { position event { type } violation { number status } } }";
let after = start;

for (;;) {
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    lazyCloseTimeout: 0,
  });
  try {
    for await (const { data, errors } of client.iterate({ query, variables: { after } })) {
      if (errors) throw new Error(JSON.stringify(errors));
      const { position, event, violation } = data.myUpdates;
      after = position;
      console.log(after, event.type, violation === null && event.type.startsWith("Violation.") ? "HALF" : "");
    }
  } catch (closed) {
    console.error(closed.code ?? closed.message ?? closed);
  }
  await client.dispose();
  await new Promise((again) => setTimeout(again, 200));
}
