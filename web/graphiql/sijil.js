// GraphiQL on /graphql, with tabs that show the demo.

import { asked } from "./asks.js";
import { isSubscription, listen } from "./listen.js";
import { tabs } from "./tabs.js";

const { GraphiQL, React, ReactDOM } = globalThis;
const toServer = GraphiQL.createFetcher({ url: "/graphql" });

// The schema is everybody's: a token that has ended does not stand in its way.
const fetcher = (request, options) => {
  const headers = { ...asked(), ...options?.headers };
  if (request.operationName === "IntrospectionQuery") delete headers.Authorization;
  if (isSubscription(request, options?.documentAST)) return listen("/graphql", request, headers);
  return toServer(request, { ...options, headers });
};

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(
    GraphiQL,
    { fetcher, defaultTabs: tabs, isHeadersEditorEnabled: true, shouldPersistHeaders: false },
    React.createElement(GraphiQL.Logo, null, React.createElement("span", { className: "sijil-name" }, "Sijil · سجل")),
  ),
);
