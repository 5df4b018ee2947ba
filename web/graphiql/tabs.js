// What the demo shows, one document for each tab.

export const tabs = [
  {
    query: `# My visas and violations. Paste a token above:
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
    query: `# A visa of rajesh, with his token:
# what must happen by when, and why.
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
    headers: JSON.stringify({ "Case-Reference": "demo-1" }, null, 2),
    query: `# An officer's look, written to the access log.
# Choose a purpose, and paste an officer's token:
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
    query: `# Sign in as noura. Run Begin, read the code on
# /outbox. Put id and code into the variables and
# run Finish. Paste the access token above.
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
  {
    query: `# What has happened to me, then what happens.
# Needs a token; the button stops it again.
subscription Updates($after: Position) {
  myUpdates(after: $after) {
    position
    event { title { text } occurredAt }
    visa { number statusLabel { text } }
    violation { number amountDue }
  }
}
`,
    variables: JSON.stringify({ after: "0" }, null, 2),
  },
];
