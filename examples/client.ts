// Signs in, shows the dashboard of a person, and follows what happens to them. How to run it: README.md beside this file.

import { createInterface } from "node:readline/promises";
import { setTimeout as pause } from "node:timers/promises";
import { graphql } from "./gql/gql.js";
import type { DashboardQuery, SessionFragment, TypedDocumentString, UpdatesSubscription } from "./gql/graphql.js";

const [address = "http://127.0.0.1:8000", username = "rajesh"] = process.argv.slice(2);
const { PASSWORD = "", ACCEPT_LANGUAGE = "en", TRUSTED = "no" } = process.env;

const SIGN_IN = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) { challenge { id sentTo } problems { message } }
  }
`);
const CONFIRM_SIGN_IN = graphql(`
  mutation ConfirmSignIn($input: ConfirmInput!) {
    confirmSignIn(input: $input) { session { ...Session } problems { message } }
  }
`);
const REFRESH_SESSION = graphql(`
  mutation RefreshSession($input: RefreshSessionInput!) {
    refreshSession(input: $input) { session { ...Session } problems { message } }
  }
`);
graphql(`
  fragment Session on Session { accessToken accessTokenExpiresAt refreshToken }
`);
const DASHBOARD = graphql(`
  query Dashboard {
    me {
      name { text }
      visas(first: 10) {
        totalCount
        edges { node { number statusLabel { text } deadlines { kindLabel { text } on { gregorian } } } }
      }
      violations(first: 10) {
        totalCount
        edges { node {
          number statusLabel { text } amountDue
          objection { number statusLabel { text } }
          objectionEligibility { mayObject }
        } }
      }
      objectionQuota { mayObject limit rejectedThisHijriYear }
    }
  }
`);
const UPDATES = graphql(`
  subscription Updates($after: Position) {
    myUpdates(after: $after) {
      position
      event { title { text } }
      visa { number statusLabel { text } }
      violation { number statusLabel { text } amountDue objection { number statusLabel { text } } }
    }
  }
`);

type Failure = { message: string; extensions?: { code?: string } };
type Answer<Data> = { data?: Data | null; errors?: Failure[]; extensions?: { position?: string } };

const PASSING = ["INTERNAL", "RATE_LIMITED", "READ_MODEL_BEHIND"];

/** What the server, or a person's input, does not allow: trying again does not help. */
class Refused extends Error {}

/** Send an operation: by its text or, where only trusted documents are carried out, by its id in gql/persisted-documents.json. */
async function send<Data, Variables>(
  document: TypedDocumentString<Data, Variables>, variables: Variables, accept: string, token: string | undefined,
): Promise<Response> {
  const sent = TRUSTED === "yes" ? { documentId: document.__meta__?.["hash"] } : { query: document.toString() };
  const response = await fetch(`${address}/graphql`, {
    method: "POST",
    headers: {
      Accept: accept,
      "Accept-Language": ACCEPT_LANGUAGE,
      "Content-Type": "application/json",
      ...(token && { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ ...sent, variables }),
  });
  if (response.status >= 500) throw new Error(`the server answers ${response.status}`);
  return response;
}

async function ask<Data, Variables>(
  document: TypedDocumentString<Data, Variables>, variables: Variables, token?: string,
): Promise<{ data: Data; position: string | undefined }> {
  const response = await send(document, variables, "application/graphql-response+json, application/json", token);
  return checked((await response.json()) as Answer<Data>);
}

/** The data of an answer without errors, and the place in the log that it is good for. */
function checked<Data>({ data, errors, extensions }: Answer<Data>): { data: Data; position: string | undefined } {
  if (errors?.some(({ extensions }) => PASSING.includes(extensions?.code ?? ""))) throw new Error(errors[0]?.message);
  if (errors || !data) throw new Refused(errors?.map((error) => error.message).join("; "));
  return { data, position: extensions?.position };
}

/** What a mutation answers, if it was done. */
function done<Payload extends { problems: { message: string }[] }>(payload: Payload | null): Payload {
  if (!payload || payload.problems.length > 0) {
    throw new Refused(payload?.problems.map((problem) => problem.message).join("; "));
  }
  return payload;
}

async function signIn(): Promise<SessionFragment> {
  const { data } = await ask(SIGN_IN, { input: { username, password: PASSWORD } });
  const { challenge } = done(data.signIn);
  if (!challenge) throw new Refused("no code was sent");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const code = await terminal.question(`The code sent to ${challenge.sentTo}: `);
  terminal.close();
  const confirmed = await ask(CONFIRM_SIGN_IN, { input: { challengeId: challenge.id, code } });
  return opened(done(confirmed.data.confirmSignIn));
}

/** The same session, with another access token if this one is about to expire. */
async function renewed(session: SessionFragment): Promise<SessionFragment> {
  const { accessTokenExpiresAt, refreshToken } = session;
  if (!refreshToken || Date.parse(accessTokenExpiresAt) > Date.now() + 30_000) return session;
  const { data } = await ask(REFRESH_SESSION, { input: { refreshToken } }); // without the old token, which may have expired
  return opened(done(data.refreshSession));
}

function opened({ session }: { session: SessionFragment | null }): SessionFragment {
  if (!session) throw new Refused("no session was opened");
  return session;
}

/** Everything that happens after a place in the log, once and in order, whatever becomes of the connection. */
async function* updates(session: SessionFragment, after: string): AsyncGenerator<UpdatesSubscription["myUpdates"]> {
  for (;;) {
    try {
      session = await renewed(session);
      for await (const answer of follow(UPDATES, { after }, session.accessToken)) {
        after = answer.myUpdates.position;
        yield answer.myUpdates;
      }
    } catch (lost) {
      if (lost instanceof Refused) throw lost;
    }
    await pause(500 + 1_000 * Math.random());
  }
}

/** A subscription as server-sent events, until the connection ends. */
async function* follow<Data, Variables>(
  document: TypedDocumentString<Data, Variables>, variables: Variables, token: string,
): AsyncGenerator<Data, unknown> {
  const response = await send(document, variables, "text/event-stream", token);
  if (!response.ok || !response.body) return checked((await response.json()) as Answer<Data>);
  let text = "";
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (text + part).split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const data = /^data: ?(.+)$/m.exec(event)?.[1];
      if (/^event: ?next$/m.test(event) && data) yield checked(JSON.parse(data) as Answer<Data>).data;
    }
  }
}

function show({ me }: DashboardQuery): void {
  if (!me) throw new Refused("there is no account");
  console.log(`${me.name.text}: ${me.visas.totalCount} visas, ${me.violations.totalCount} violations`);
  for (const { node } of me.visas.edges) {
    const deadlines = node.deadlines.map(({ kindLabel, on }) => `${kindLabel.text} ${on.gregorian}`);
    console.log(`Visa ${node.number}: ${[node.statusLabel.text, ...deadlines].join(", ")}`);
  }
  for (const { node } of me.violations.edges) {
    console.log(`Violation ${node.number}: ${node.statusLabel.text}, SAR ${node.amountDue} due`);
    if (node.objection) console.log(`Objection ${node.objection.number}: ${node.objection.statusLabel.text}`);
    else if (node.objectionEligibility.mayObject) console.log(`Violation ${node.number}: can be objected to`);
  }
  const { rejectedThisHijriYear, limit } = me.objectionQuota;
  console.log(`${rejectedThisHijriYear} of ${limit} objections rejected this year`);
}

try {
  const session = await signIn();
  const { data, position = "0" } = await ask(DASHBOARD, {}, session.accessToken);
  show(data);
  for await (const { event, visa, violation } of updates(session, position)) {
    const about = violation?.objection ?? violation ?? visa;
    console.log(`${event.title.text}${about ? `: ${about.number}, ${about.statusLabel.text}` : ""}`);
  }
} catch (refused) {
  if (!(refused instanceof Refused)) throw refused;
  console.error(refused.message);
  process.exitCode = 1;
}
