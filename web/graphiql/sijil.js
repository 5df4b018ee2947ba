// GraphiQL on /graphql, with tabs that show the demo.

const NO_TOKEN = "Bearer PASTE_A_TOKEN_HERE";
const headers = (more = {}) =>
  JSON.stringify({ Authorization: NO_TOKEN, "Accept-Language": "en", ...more }, null, 2);

const tabs = [
  {
    headers: headers(),
    query: `# My visas and violations. A token for the headers below:
#   .venv/bin/sijil token --as rajesh
query Mine {
  me {
    name { ar en }
    visas(first: 3) {
      totalCount
      edges {
        node {
          number
          statusLabel { text }
          exitBefore { gregorian hijri }
        }
      }
    }
    violations(first: 5) {
      totalCount
      edges {
        node {
          number
          type { title { text } }
          statusLabel { text }
          amountDue
          deadlines { kind daysLeft }
          objection { number statusLabel { text } }
        }
      }
    }
  }
}
`,
  },
  {
    headers: headers(),
    query: `# What everybody may see: no token needed.
query Services {
  services {
    section
    title { ar en }
    agency { name { text } }
    steps { text }
  }
  objectionForm {
    reasons { value label { text } }
    maxAttachments
  }
  violationTypes {
    code
    title { text }
    minFine
    maxFine
  }
}
`,
  },
  {
    headers: headers(),
    query: `# A visa of rajesh: what must happen by when, and why.
query Visa($number: String!) {
  visa(number: $number) {
    number
    typeLabel { text }
    statusLabel { ar en }
    issuedOn { gregorian hijri }
    deadlines {
      kind
      on { gregorian hijri }
      daysLeft
      rule { title { text } lawReference }
      consequence { text }
    }
    movements { direction at port { text } }
  }
}
`,
    variables: JSON.stringify({ number: "6000000003" }, null, 2),
  },
  {
    headers: headers({ Purpose: "COUNTER_REQUEST", "Case-Reference": "demo-1" }),
    query: `# An officer's look, written to the access log:
#   .venv/bin/sijil token --as khalid
query Counter($nationalId: String!) {
  person(nationalId: $nationalId) {
    name { ar en }
    visas(first: 10) {
      totalCount
      edges { node { number statusLabel { text } } }
    }
  }
}
`,
    variables: JSON.stringify({ nationalId: "2502032556" }, null, 2),
  },
  {
    headers: JSON.stringify({ "Accept-Language": "en" }, null, 2),
    query: `# Sign in as noura. Run Begin and read the code on /outbox.
# Put id and code into the variables and run Finish.
# The access token then goes into the headers: Bearer …
mutation Begin {
  signIn(input: { username: "noura", password: "Absher#2026" }) {
    challenge { id sentTo expiresAt }
    problems { code message retryAfterSeconds }
  }
}

mutation Finish($input: ConfirmInput!) {
  confirmSignIn(input: $input) {
    session { accessToken accessTokenExpiresAt refreshToken idleUntil user { name { text } } }
    problems { code message field }
  }
}
`,
    variables: JSON.stringify({ input: { challengeId: "from Begin", code: "from /outbox" } }, null, 2),
  },
  {
    headers: headers(),
    query: `# Change my e-mail address: first a code to my mobile,
# then one to the new address. Both are on /outbox.
mutation Ask {
  changeEmail(input: { email: "new@example.sa" }) {
    challenge { id sentTo }
    problems { code message field rule { title { text } } }
  }
}

mutation Confirm($input: ConfirmInput!) {
  confirmChange(input: $input) {
    user { email }
    challenge { id sentTo channel }
    problems { code message field }
  }
}
`,
    variables: JSON.stringify({ input: { challengeId: "from Ask, then from Confirm", code: "from /outbox" } }, null, 2),
  },
];

const toServer = GraphiQL.createFetcher({ url: "/graphql" });

// A token that nobody pasted yet is not sent: the server refuses tokens it did not sign, the schema's query too.
const fetcher = (request, options) => {
  const sent = { ...options?.headers };
  if (sent.Authorization === NO_TOKEN) delete sent.Authorization;
  return toServer(request, { ...options, headers: sent });
};

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(
    GraphiQL,
    {
      fetcher,
      defaultTabs: tabs,
      defaultHeaders: headers(),
      defaultEditorToolsVisibility: "headers",
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false,
    },
    React.createElement(GraphiQL.Logo, null, React.createElement("span", { className: "sijil-name" }, "Sijil · سجل")),
  ),
);
