// Signing in: name and password, then the code.

import { code, field, fill, h } from "./dom.js";
import { inLatinDigits, say, timeOfDay } from "./language.js";

/** Fill a place with the form; `entered` is called once the session is open, `failed` with what was refused. */
export function showSignIn(place, { session, entered, failed }) {
  const card = h("section", { class: "card narrow", "aria-labelledby": "title" });
  fill(place, card);
  if (session.challenge) askForCode(session.challenge);
  else askForPassword();

  function askForPassword() {
    const username = h("input", {
      name: "username",
      autocomplete: "username",
      required: true,
      dir: "ltr",
      autocapitalize: "none",
    });
    const password = h("input", {
      name: "password",
      type: "password",
      autocomplete: "current-password",
      required: true,
      dir: "ltr",
    });
    const begin = async () => askForCode(await session.begin(username.value.trim(), password.value));
    fill(
      card,
      title(),
      h("p", {}, say("forAuditors")),
      form(begin, [
        field(say("username"), username),
        field(say("password"), password),
        h("button", { class: "main" }, say("next")),
      ]),
    );
  }

  function askForCode(challenge) {
    const sent = h(
      "p",
      {},
      parts(say("codeSent", { to: "\u0000", until: timeOfDay(challenge.expiresAt) }), code(challenge.sentTo)),
    );
    const digits = h("input", {
      name: "code",
      inputmode: "numeric",
      autocomplete: "one-time-code",
      required: true,
      pattern: "[0-9٠-٩]{6}",
      maxlength: 6,
      dir: "ltr",
    });
    const confirm = async () => {
      await session.confirm(challenge.id, inLatinDigits(digits.value));
      entered();
    };
    fill(
      card,
      title(),
      sent,
      form(confirm, [
        field(say("code"), digits),
        h(
          "p",
          { class: "row" },
          h("button", { class: "main" }, say("confirm")),
          h("button", { type: "button", onclick: startAgain }, say("startAgain")),
        ),
      ]),
    );
    digits.focus();
  }

  function startAgain() {
    session.forget();
    askForPassword();
  }

  function form(act, children) {
    const submit = async (event) => {
      event.preventDefault();
      failed(null);
      const button = event.target.querySelector("button.main");
      button.disabled = true;
      try {
        await act();
      } catch (fault) {
        failed(fault);
      } finally {
        button.disabled = false;
      }
    };
    return h("form", { onsubmit: submit }, children);
  }
}

const title = () => h("h1", { id: "title", tabindex: -1 }, say("signIn"));

/** A text with an element where its mark is. */
const parts = (text, element) => text.split("\u0000").flatMap((part, at) => (at ? [element, part] : [part]));
