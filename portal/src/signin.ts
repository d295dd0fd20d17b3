// The small form before the map, for who comes without the link that `highroad up` prints.
import { Problem, signIn } from "./api";
import { h, say } from "./dom";
import { mark } from "./header";
import { sentence } from "./words";

/** Shows the form until somebody is signed in. */
export function askToSignIn(root: HTMLElement, said: string): Promise<void> {
  return new Promise((done) => {
    const field = h("input", {
      type: "password",
      id: "token",
      name: "token",
      autocomplete: "current-password",
      required: true,
      spellcheck: "false",
    });
    // For password managers, which keep a secret under a name.
    const name = h("input", {
      type: "text",
      class: "unseen",
      name: "username",
      autocomplete: "username",
      value: "highroad",
      readonly: true,
      tabindex: -1,
      "aria-hidden": "true",
    });
    const trouble = h("p", { class: "trouble", role: "alert" }, said);
    const button = h("button", { class: "main", type: "submit" }, "Sign in");
    const form = h(
      "form",
      {
        class: "signin",
        onsubmit: (event) => {
          event.preventDefault();
          button.disabled = true;
          say(trouble, "");
          signIn({ token: field.value.trim() })
            .then(() => {
              form.remove();
              done();
            })
            .catch((error: unknown) => {
              button.disabled = false;
              say(trouble, error instanceof Problem ? sentence(error.message) : "That did not work.");
              field.select();
            });
        },
      },
      h("div", { class: "signin-brand" }, mark(), h("h1", {}, "Highroad")),
      name,
      h("label", { for: "token" }, "Token"),
      field,
      trouble,
      button,
      h("p", { class: "nothing" }, "highroad up prints a token, and a link that signs you in by itself."),
    );
    root.replaceChildren(form);
    field.focus();
  });
}
