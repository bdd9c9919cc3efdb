// The key is asked for once, tried, and kept in this tab.

import { ask } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { forget, keep } from "../lib/session.js";

export function signIn(main, done) {
  const input = h("input", {
    id: "key",
    name: "key",
    type: "password",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "key-help key-error",
  });
  const error = h("p", { id: "key-error", class: "wrong", role: "alert" });
  const button = h("button", { type: "submit" }, "Sign in");
  const form = h(
    "form",
    {
      class: "signin",
      onsubmit: async (event) => {
        event.preventDefault();
        const given = input.value.trim();
        replace(error);
        if (!/^[\x21-\x7e]+$/.test(given)) {
          error.textContent = "This is no key: one has letters, digits and signs of ASCII, and no space.";
          return;
        }
        keep(given);
        button.disabled = true;
        try {
          await ask("/v1/plants", { limit: 1 });
          done();
        } catch (refusal) {
          forget();
          error.textContent =
            refusal.status === 401
              ? "This key is not known, or it has expired. Ask who runs gridcast for another one."
              : refusal.message;
          button.disabled = false;
          input.focus();
        }
      },
    },
    h("h1", { tabindex: "-1" }, "Sign in"),
    h("p", null, "This page shows what the API tells to a key."),
    h("label", { for: "key" }, "API key"),
    input,
    error,
    button,
    h(
      "p",
      { id: "key-help", class: "muted" },
      "Made by ",
      h("code", null, "gridcast keys add NAME"),
      ". It stays in this tab and is forgotten when the tab is closed.",
    ),
  );
  replace(main, form);
  document.title = "Sign in · gridcast";
  input.focus();
}
