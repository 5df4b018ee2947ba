// The auditor's session. The access token is in memory only; the refresh token is in a cookie that scripts cannot read.

import { language } from "./language.js";

const SESSION = "session { accessToken user { name { ar en } roles } } problems { message }";
const SIGN_IN = `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { challenge { id sentTo expiresAt } problems { message } }
}`;
const CONFIRM = `mutation Confirm($input: ConfirmInput!) {
  confirmSignIn(input: $input, refreshTokenInCookie: true) { ${SESSION} }
}`;
const REFRESH = `mutation Refresh { refreshSession(input: {}) { ${SESSION} } }`;
const SIGN_OUT = "mutation SignOut { signOut { problems { message } } }";

export const PURPOSES = ["AUDIT", "INVESTIGATION", "COURT_CASE", "CASE_REVIEW"];

/** What the server refuses, in its own words; `code` is UNAUTHENTICATED when the session has ended. */
export class Refused extends Error {
  constructor(message, code, data) {
    super(message);
    Object.assign(this, { code, data });
  }
}

/** Nothing that can be understood came back. */
export class Unreachable extends Error {}

export class Session {
  #token = null;
  #renewing = null;
  user = null;
  challenge = null; // whose code was sent, until it is confirmed
  purpose = PURPOSES[0];
  caseReference = "";

  get isAuditor() {
    return this.user?.roles.includes("AUDITOR") ?? false;
  }

  /** Begin to sign in: the challenge, whose code was sent. */
  async begin(username, password) {
    this.challenge = granted((await send(SIGN_IN, { input: { username, password } })).signIn).challenge;
    return this.challenge;
  }

  async confirm(challengeId, code) {
    this.#take(granted((await send(CONFIRM, { input: { challengeId, code } })).confirmSignIn).session);
  }

  /** Go on with the session in the cookie, if there is one. */
  async resume() {
    const { session } = (await send(REFRESH)).refreshSession;
    if (session) this.#take(session);
  }

  /** Sign out. Where that fails the session goes on, as it does in the cookie. */
  async end() {
    try {
      await this.ask(SIGN_OUT);
    } catch (fault) {
      if (fault.code !== "UNAUTHENTICATED") throw fault; // else it has ended already
    }
    this.forget();
  }

  /** Nothing is left of it for whoever signs in next. */
  forget() {
    [this.#token, this.user, this.challenge] = [null, null, null];
    [this.purpose, this.caseReference] = [PURPOSES[0], ""];
  }

  /** Ask as the auditor, with the purpose; the session is renewed when the token has expired. */
  async ask(query, variables) {
    try {
      return await send(query, variables, this.#headers());
    } catch (fault) {
      if (fault.code !== "UNAUTHENTICATED") throw fault;
      await this.#renew();
      return send(query, variables, this.#headers());
    }
  }

  #headers() {
    const of = this.caseReference && { "Case-Reference": asHeader(this.caseReference) };
    return { Authorization: `Bearer ${this.#token}`, Purpose: this.purpose, ...of };
  }

  #take(session) {
    [this.#token, this.user, this.challenge] = [session.accessToken, session.user, null];
  }

  /** One renewal at a time: a refresh token is good once. */
  async #renew() {
    this.#renewing ??= this.resume().finally(() => (this.#renewing = null));
    const before = this.#token;
    await this.#renewing;
    if (this.#token === before) {
      this.forget();
      throw new Refused("", "UNAUTHENTICATED");
    }
  }
}

/** UTF-8 as a header carries it: a letter for each byte. */
const asHeader = (text) => String.fromCharCode(...new TextEncoder().encode(text));

function granted(payload) {
  if (payload.problems.length > 0)
    throw new Refused(payload.problems.map(({ message }) => message).join(" "), "REFUSED");
  return payload;
}

/** Send a query; what is refused is thrown, with the data that was answered beside it. */
export async function send(query, variables = {}, headers = {}) {
  const { data, errors } = await answerTo({
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      "Accept-Language": language(),
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
  });
  if (errors?.length) throw new Refused(errors[0].message, errors[0].extensions?.code, data);
  return data;
}

async function answerTo(request) {
  try {
    return await (await fetch("/graphql", request)).json();
  } catch (fault) {
    throw new Unreachable("/graphql", { cause: fault });
  }
}
